//! What operators are told, and the rules that show in nothing else.

use ainfera_schema::{
    Attempt, AttemptResult, BootId, ModelSlug, OutcomeStatus, ProviderId, TokenUsage, UsageBasis,
};
use ainfera_store::{CheckpointResult, CloseResult, Extension};

use super::*;

fn counted(effects: &Told, metric: Metric) -> usize {
    let is_it = |effect: &&Effect<&'static str>| matches!(effect, Effect::Count(m) if *m == metric);
    effects.iter().filter(is_it).count()
}

fn implausible_attempt() -> Attempt {
    Attempt {
        provider: ProviderId::new("provider"),
        model: ModelSlug::new("model"),
        result: AttemptResult::Succeeded,
        cause: None,
        http_status: Some(200),
        latency_ms: 0,
        usage: TokenUsage::default(),
        usage_basis: UsageBasis::Reported,
        cost_usd: Usd::ZERO,
        price: None,
        fees_usd: Usd::ZERO,
        implausible: true,
    }
}

#[test]
fn a_call_is_counted_once_although_it_is_sent_to_two_servers() {
    let mut machine = machine();
    machine.use_journal();
    let mut outcome = outcome("call");
    outcome.attempts = vec![implausible_attempt()];
    let closed = vec![(outcome.request_id, CloseResult::Closed)];
    let closing = Box::new(Closing { outcome, answer: None });
    let awaited = Awaited::ByClient;
    on(&mut machine, 0, Input::Record { closing, waiter: "call", awaited });
    let reply = CaptureReply { closed, ..CaptureReply::default() };
    let lane = Lane::Shared;
    let committed = |server| Input::Committed { lane, reply: reply.clone(), server: Some(server) };
    let first = on(&mut machine, 0, committed(0));
    on(&mut machine, 0, Input::ServerSeen { changes: 1 });
    let second = on(&mut machine, 0, committed(1));
    let succeeded = Metric::Outcome(OutcomeStatus::Succeeded);
    for (metric, expected) in [
        (Metric::Commit, [1, 1]),
        (succeeded, [1, 0]),
        (Metric::ImplausibleUsage, [1, 0]),
        (Metric::WrittenAgain, [0, 1]),
    ] {
        assert_eq!([&first, &second].map(|told| counted(told, metric)), expected, "{metric:?}");
    }
}

#[test]
fn a_call_that_ends_without_having_been_let_in_raises_the_alarm() {
    let mut machine = machine();
    let outcome = outcome("nobody");
    let closed = vec![(outcome.request_id, CloseResult::Unknown)];
    let closing = Box::new(Closing { outcome, answer: None });
    let awaited = Awaited::ByClient;
    on(&mut machine, 0, Input::Record { closing, waiter: "nobody", awaited });
    let reply = CaptureReply { closed, ..CaptureReply::default() };
    assert_eq!(counted(&on(&mut machine, 0, committed(reply)), Metric::DispatchWithoutCapture), 1);
}

#[test]
fn who_was_sent_is_in_doubt_and_who_waits_hears_that_nothing_was_done() {
    let mut machine = machine();
    let ask = |machine: &mut Machine, waiter| {
        let draft = outcome(waiter);
        let (request_id, agent_id) = (draft.request_id, draft.agent_id);
        let extension = Extension { request_id, agent_id, reservation: Usd::ZERO };
        let told = on(machine, 0, Input::Extend { extension, waiter });
        let outcome = Box::new(draft.clone());
        (told, on(machine, 0, Input::Reject { outcome, waiter }))
    };
    on(&mut machine, 0, record("first", Awaited::ByClient));
    ask(&mut machine, "sent");
    on(&mut machine, 0, committed(CaptureReply::default()));
    ask(&mut machine, "waits");
    let heard = replies(&on(&mut machine, 0, failed(away())));
    let heard: Vec<(&str, bool)> =
        heard.iter().map(|(who, reply)| (*who, reply.contains("InDoubt"))).collect();
    assert_eq!(heard, [("sent", true), ("sent", true), ("waits", false), ("waits", false)]);
    let (extension, rejection) = ask(&mut machine, "late");
    for effects in [extension, rejection] {
        assert!(replies(&effects)[0].1.contains("Unavailable"), "{effects:?}");
    }
}

#[test]
fn every_batch_is_sent_under_the_limit_that_holds_then() {
    let mut machine = machine();
    let limit = |effects: Told| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Commit { rows, .. } => Some(rows.killswitch_daily_usd),
            _ => None,
        })
    };
    for nanos in [7, 8] {
        let daily_usd = Some(Usd::from_nanos(nanos));
        on(&mut machine, 0, Input::KillSwitch { daily_usd });
        let effects = on(&mut machine, 0, record("a", Awaited::ByClient));
        assert_eq!(limit(effects), Some(daily_usd));
        on(&mut machine, 0, committed(CaptureReply::default()));
    }
}

#[test]
fn a_lock_that_is_never_found_is_looked_for_a_few_times_and_then_after_a_pause() {
    let mut machine = machine();
    on(&mut machine, 0, record("a", Awaited::ByClient));
    let gone = || failed(StoreError::Locked { agents: [].into() });
    for _ in 0..4 {
        assert_eq!(sent(&on(&mut machine, 0, gone())), [(0, 1)], "at once");
    }
    let effects = on(&mut machine, 0, gone());
    let is_paused =
        |effect: &Effect<_>| matches!(effect, Effect::Start { timer: Timer::Retry, .. });
    assert!(sent(&effects).is_empty() && effects.iter().any(is_paused), "{effects:?}");
    on(&mut machine, 50, Input::Timer(Timer::Retry));
    on(&mut machine, 50, committed(CaptureReply::default()));
    on(&mut machine, 50, record("b", Awaited::ByClient));
    assert_eq!(sent(&on(&mut machine, 50, gone())), [(0, 1)], "after a commit, at once again");
}

#[test]
fn a_commit_forgives_the_failures_before_it() {
    let mut machine = machine();
    let broken = || failed(StoreError::Statement("broken".to_owned()));
    for _ in 0..20 {
        on(&mut machine, 0, record("a", Awaited::ByClient));
        let effects = on(&mut machine, 0, broken());
        assert_eq!(counted(&effects, Metric::StoreAway), 0, "one failure is the entry's own");
        on(&mut machine, 0, Input::Timer(Timer::Retry));
        on(&mut machine, 0, committed(CaptureReply::default()));
    }
}

#[test]
fn a_panic_before_a_transaction_was_sent_does_not_leave_the_lane_taken() {
    let mut machine = machine();
    on(&mut machine, 0, record("waits", Awaited::ByNoClient));
    machine.phase = Phase::Committing;
    on(&mut machine, 0, Input::Panicked);
    assert_eq!(sent(&on(&mut machine, 50, Input::Timer(Timer::Recover))), [(0, 1)]);
}

#[test]
fn refused_calls_are_remembered_for_a_time() {
    let mut machine = machine();
    for _ in 0..65_537 {
        machine.queue.discard_record_of(ainfera_schema::RequestId::mint(), &mut Vec::new());
    }
    assert_eq!(machine.queue.refused.len(), 65_536);
}

#[test]
fn a_checkpoint_that_comes_due_while_one_is_made_follows_it() {
    let mut machine = machine();
    machine.use_checkpoints(CheckpointFiles::AtRest);
    let is_begun = |effects: &Told| matches!(effects.last(), Some(Effect::Checkpoint));
    let is_written = |effects: &Told| {
        effects.iter().any(|effect| matches!(effect, Effect::WriteCheckpointFiles))
    };
    assert!(is_begun(&on(&mut machine, 0, Input::CheckpointDue)));
    assert!(on(&mut machine, 0, Input::CheckpointDue).is_empty());
    assert!(on(&mut machine, 0, record("a", Awaited::ByClient)).is_empty(), "not beside it");
    let made = || Input::Checkpointed(Ok(CheckpointResult::NothingNew));
    let effects = on(&mut machine, 0, made());
    assert!(is_begun(&effects) && is_written(&effects), "{effects:?}");
    let effects = on(&mut machine, 0, made());
    assert_eq!(sent(&effects), [(0, 1)]);
    assert!(!is_written(&effects), "the files are being written");
    on(&mut machine, 0, committed(CaptureReply::default()));
    on(&mut machine, 0, Input::CheckpointFilesWritten);
    on(&mut machine, 0, Input::CheckpointDue);
    let effects = on(&mut machine, 0, Input::Checkpointed(Ok(CheckpointResult::Parted)));
    assert!(matches!(effects[..], [Effect::AuditIsParted]), "and no files: {effects:?}");
    on(&mut machine, 0, Input::CheckpointDue);
    let effects = on(&mut machine, 0, Input::Checkpointed(Ok(CheckpointResult::NotLeader)));
    assert!(is_written(&effects), "{effects:?}");
}

#[test]
fn a_spool_that_cannot_be_written_is_told_once() {
    let mut machine = machine();
    on(&mut machine, 0, record("a", Awaited::ByClient));
    on(&mut machine, 0, failed(away()));
    let mut told = Vec::new();
    for now in [900, 1_000] {
        let effects = on(&mut machine, now, Input::Timer(Timer::SpoolCheck));
        let mut timers = effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Start { timer: Timer::SpoolCheck, .. }));
        assert!(timers.next().is_some(), "it is looked after on and on");
        let full = FileWrite::Failed("disk full".to_owned());
        let effects = on(&mut machine, now, Input::SpoolAppended(full));
        let is_told = |effect: &Effect<_>| {
            matches!(effect, Effect::Log(LogEvent::SpoolCannotBeWritten { .. }))
        };
        told.push(effects.iter().any(is_told));
    }
    assert_eq!(told, [true, false]);
}

#[test]
fn a_process_that_stops_spools_what_waits_at_once() {
    let mut machine = machine();
    on(&mut machine, 0, record("a", Awaited::ByNoClient));
    on(&mut machine, 0, Input::GateClosed);
    on(&mut machine, 0, failed(away()));
    let effects = on(&mut machine, 0, Input::Timer(Timer::SpoolCheck));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::AppendToSpool { .. })));
}

#[test]
fn a_record_in_quarantine_says_whose_it_was() {
    let mut machine = machine();
    let (boot_id, spools, waiter) = (BootId::mint(), Vec::new(), "start");
    let replica = "replica-1".to_owned();
    on(&mut machine, 0, Input::StartBoot { boot_id, replica, spools, waiter });
    on(&mut machine, 0, Input::BootBegun(Ok(0)));
    on(&mut machine, 0, record("poison", Awaited::ByClient));
    let refused = || failed(StoreError::Statement("constraint".to_owned()));
    on(&mut machine, 0, refused());
    on(&mut machine, 50, Input::Timer(Timer::Retry));
    let effects = on(&mut machine, 50, refused());
    let is_its = |effect: &Effect<_>| matches!(effect, Effect::Quarantine { record } if record.replica == "replica-1");
    assert!(effects.iter().any(is_its), "{effects:?}");
}
