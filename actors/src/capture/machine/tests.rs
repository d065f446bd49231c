//! Single rules of the machine. What they come to together is for the simulation.

mod boots;
mod told;

use std::time::Duration;

use ainfera_schema::{AgentId, RoutingOutcome, Usd};
use ainfera_store::{
    Admission, CaptureReply, Closing, Refusal, RefusedRecord, StoreError, Verdict,
};

use super::*;
use crate::capture::example::outcome;

type Machine = CaptureMachine<&'static str>;
type Told = Vec<Effect<&'static str>>;

const SPOOL_AFTER: Duration = Duration::from_millis(800);

fn machine() -> Machine {
    let mut machine = Machine::default();
    machine.use_spool(SPOOL_AFTER, &mut Vec::new());
    machine
}

fn on(machine: &mut Machine, now_ms: u64, input: Input<&'static str>) -> Told {
    let mut effects = Vec::new();
    machine.on(input, Duration::from_millis(now_ms), &mut effects);
    effects
}

fn record(name: &'static str, awaited: Awaited) -> Input<&'static str> {
    let closing = Box::new(Closing { outcome: outcome(name), answer: None });
    Input::Record { closing, waiter: name, awaited }
}

fn admit(draft: &RoutingOutcome, waiter: &'static str) -> Input<&'static str> {
    let (boot_id, reservation) = (ainfera_schema::BootId::mint(), Usd::ZERO);
    let (smaller_reservations, charge_if_lost, idempotency) = (Vec::new(), Usd::ZERO, None);
    let draft = draft.clone();
    let admission = Admission {
        draft,
        boot_id,
        reservation,
        smaller_reservations,
        charge_if_lost,
        idempotency,
    };
    Input::Admit { admission: Box::new(admission), waiter }
}

fn committed(reply: CaptureReply) -> Input<&'static str> {
    Input::Committed { lane: Lane::Shared, reply, server: None }
}

fn failed(error: StoreError) -> Input<&'static str> {
    Input::Failed { lane: Lane::Shared, error, server: None }
}

fn away() -> StoreError {
    StoreError::Unavailable("away".to_owned())
}

/// The replies, as far as they matter here.
fn replies(effects: &Told) -> Vec<(&'static str, String)> {
    let reply = |effect: &Effect<&'static str>| match effect {
        Effect::Reply(waiter, reply) => Some((*waiter, format!("{reply:?}"))),
        _ => None,
    };
    effects.iter().filter_map(reply).collect()
}

fn sent(effects: &Told) -> Vec<(usize, usize)> {
    let rows = |effect: &Effect<&'static str>| match effect {
        Effect::Commit { rows, .. } => Some((rows.admissions.len(), rows.closings.len())),
        _ => None,
    };
    effects.iter().filter_map(rows).collect()
}

#[test]
fn an_unawaited_record_waits_for_others_and_an_awaited_one_takes_it_along() {
    let mut machine = machine();
    let effects = on(&mut machine, 0, record("alone", Awaited::ByNoClient));
    assert!(
        matches!(effects[..], [Effect::Start { timer: Timer::Linger, after: LINGER }]),
        "{effects:?}"
    );
    let effects = on(&mut machine, 1, record("awaited", Awaited::ByClient));
    assert_eq!(sent(&effects), [(0, 2)]);
    let effects = on(&mut machine, 2, committed(CaptureReply::default()));
    let durable = |name| (name, "Durable".to_owned());
    assert_eq!(replies(&effects), [durable("alone"), durable("awaited")]);
}

#[test]
fn where_no_call_comes_in_any_more_no_record_waits_for_others() {
    let mut machine = machine();
    on(&mut machine, 0, Input::GateClosed);
    assert_eq!(sent(&on(&mut machine, 0, record("last", Awaited::ByNoClient))), [(0, 1)]);
}

#[test]
fn while_the_store_is_away_no_call_is_let_in_and_records_go_to_the_spool() {
    let mut machine = machine();
    let draft = outcome("in doubt");
    on(&mut machine, 0, admit(&draft, "in doubt"));
    let effects = on(&mut machine, 0, admit(&outcome("waits"), "waits"));
    assert!(effects.is_empty(), "one transaction at a time");
    let effects = on(&mut machine, 0, failed(away()));
    let doubt = "Admission(Err(InDoubt(\"store unavailable: away\")))".to_owned();
    let gone = "Admission(Err(Unavailable(\"store unavailable: away\")))".to_owned();
    assert_eq!(replies(&effects), [("in doubt", doubt), ("waits", gone.clone())]);
    let effects = on(&mut machine, 0, admit(&outcome("late"), "late"));
    assert_eq!(replies(&effects), [("late", gone)]);

    on(&mut machine, 0, record("awaited", Awaited::ByClient));
    on(&mut machine, 0, record("others", Awaited::ByNoClient));
    let spooled = |effects: &Told| {
        effects.iter().any(|effect| matches!(effect, Effect::AppendToSpool { .. }))
    };
    assert!(!spooled(&on(&mut machine, 99, Input::Timer(Timer::SpoolCheck))));
    assert!(spooled(&on(&mut machine, 100, Input::Timer(Timer::SpoolCheck))));
    let effects = on(&mut machine, 101, Input::SpoolAppended(FileWrite::Durable));
    assert_eq!(
        replies(&effects),
        [("awaited", "Durable".to_owned())],
        "what somebody waits for goes first"
    );
    assert!(spooled(&on(&mut machine, 800, Input::Timer(Timer::SpoolCheck))));
}

#[test]
fn who_was_turned_away_leaves_no_record() {
    let mut machine = machine();
    let (first, draft) = (outcome("first"), outcome("left"));
    on(&mut machine, 0, admit(&first, "first"));
    on(&mut machine, 0, admit(&draft, "left"));
    on(&mut machine, 0, failed(away()));
    let closing = Box::new(Closing { outcome: draft, answer: None });
    let late = Input::Record { closing, waiter: "late", awaited: Awaited::ByNoClient };
    assert_eq!(replies(&on(&mut machine, 0, late)), [("late", "NeverDurable".to_owned())]);
}

#[test]
fn a_record_waits_for_its_admission_however_many_are_let_in() {
    let mut machine = machine();
    on(&mut machine, 0, record("first", Awaited::ByClient));
    let drafts: Vec<RoutingOutcome> = (0..600).map(|_| outcome("many")).collect();
    for draft in &drafts {
        on(&mut machine, 0, admit(draft, "many"));
    }
    let closing = Box::new(Closing { outcome: drafts[599].clone(), answer: None });
    on(&mut machine, 0, Input::Record { closing, waiter: "left", awaited: Awaited::ByNoClient });
    assert_eq!(sent(&on(&mut machine, 0, committed(CaptureReply::default()))), [(500, 0)]);
    let verdicts = |drafts: &[RoutingOutcome]| CaptureReply {
        verdicts: drafts.iter().map(|draft| (draft.request_id, Verdict::Admitted)).collect(),
        ..CaptureReply::default()
    };
    assert_eq!(sent(&on(&mut machine, 0, committed(verdicts(&drafts[..500])))), [(100, 0)]);
    assert_eq!(sent(&on(&mut machine, 0, committed(verdicts(&drafts[500..])))), [(0, 1)]);
}

#[test]
fn a_record_that_is_refused_for_good_is_never_said_to_be_durable() {
    let mut machine = machine();
    on(&mut machine, 0, record("poison", Awaited::ByClient));
    let refused = || failed(StoreError::Statement("constraint".to_owned()));
    assert!(replies(&on(&mut machine, 0, refused())).is_empty(), "it is tried once more");
    on(&mut machine, 50, Input::Timer(Timer::Retry));
    let effects = on(&mut machine, 50, refused());
    assert!(replies(&effects).is_empty(), "its permit stays until the record is kept elsewhere");
    let record = effects.into_iter().find_map(|effect| match effect {
        Effect::Quarantine { record } => Some(record),
        _ => None,
    });
    let RefusedRecord { closing, reason, .. } = *record.unwrap();
    assert_eq!(reason, "statement failed: constraint");
    let request_id = closing.outcome.request_id;
    let effects = on(&mut machine, 60, Input::Quarantined { request_id });
    assert_eq!(replies(&effects), [("poison", "NeverDurable".to_owned())]);
}

#[test]
fn pauses_become_longer_up_to_a_second_and_entries_are_blamed_a_few_times_only() {
    let mut machine = machine();
    on(&mut machine, 0, record("a", Awaited::ByClient));
    let pause = |effects: &Told| {
        let started = effects.iter().find_map(|effect| match effect {
            Effect::Start { timer: Timer::Retry, after } => Some(after.as_millis()),
            _ => None,
        });
        started.unwrap()
    };
    let mut pauses = Vec::new();
    for _ in 0..7 {
        pauses.push(pause(&on(&mut machine, 0, failed(away()))));
        on(&mut machine, 0, Input::Timer(Timer::Retry));
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1000, 1000]);

    let mut machine = self::machine();
    on(&mut machine, 0, record("first", Awaited::ByClient));
    (0..20).for_each(|_| drop(on(&mut machine, 0, record("many", Awaited::ByNoClient))));
    on(&mut machine, 0, committed(CaptureReply::default()));
    let mut away = Vec::new();
    for _ in 0..12 {
        let effects = on(&mut machine, 0, failed(StoreError::Statement("broken".to_owned())));
        away.push(effects.iter().any(|effect| matches!(effect, Effect::Count(Metric::StoreAway))));
        on(&mut machine, 0, Input::Timer(Timer::Retry));
    }
    let place = away.iter().position(|away| *away);
    assert_eq!(
        place,
        Some(7),
        "three records are refused before it is clear that it is not them: {away:?}"
    );
}

#[test]
fn a_locked_account_holds_up_its_own_agent_and_no_other() {
    let mut machine = machine();
    let (locked, free) = (outcome("locked"), outcome("free"));
    on(&mut machine, 0, record("first", Awaited::ByClient));
    on(&mut machine, 0, admit(&locked, "locked"));
    on(&mut machine, 0, admit(&free, "free"));
    on(&mut machine, 0, committed(CaptureReply::default()));
    let effects =
        on(&mut machine, 0, failed(StoreError::Locked { agents: [locked.agent_id].into() }));
    let lanes = |effects: &Told| -> Vec<Lane> {
        let lane = |effect: &Effect<&'static str>| match effect {
            Effect::Commit { lane, .. } => Some(*lane),
            _ => None,
        };
        effects.iter().filter_map(lane).collect()
    };
    let own = |agent_id: AgentId| Lane::Locked(agent_id);
    assert_eq!(lanes(&effects), [own(locked.agent_id), Lane::Shared]);
    let timeout = Input::Failed { lane: own(locked.agent_id), error: away(), server: None };
    let effects = on(&mut machine, 0, timeout);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Start { timer: Timer::RetryLocked(_), .. }))
    );
    let closing = Box::new(Closing { outcome: locked.clone(), answer: None });
    let record = Input::Record { closing, waiter: "record", awaited: Awaited::ByClient };
    assert!(lanes(&on(&mut machine, 1, record)).is_empty(), "the pause is kept");
    assert_eq!(
        lanes(&on(&mut machine, 250, Input::Timer(Timer::RetryLocked(locked.agent_id)))),
        [own(locked.agent_id)]
    );
}

#[test]
fn a_refused_admission_is_answered_and_its_record_means_nothing() {
    let mut machine = machine();
    let draft = outcome("poor");
    on(&mut machine, 0, admit(&draft, "poor"));
    let closing = Box::new(Closing { outcome: draft.clone(), answer: None });
    on(&mut machine, 0, Input::Record { closing, waiter: "left", awaited: Awaited::ByClient });
    let refusal = Refusal::Funds { available: Usd::ZERO, needed: Usd::ZERO };
    let verdicts = vec![(draft.request_id, Verdict::Refused(refusal))];
    let effects =
        on(&mut machine, 0, committed(CaptureReply { verdicts, ..CaptureReply::default() }));
    let names: Vec<&str> = replies(&effects).iter().map(|(waiter, _)| *waiter).collect();
    assert_eq!(names, ["left", "poor"]);
    assert!(sent(&effects).is_empty());
}

#[test]
fn after_a_panic_the_queue_goes_on_by_itself() {
    let mut machine = machine();
    on(&mut machine, 0, record("waits", Awaited::ByNoClient));
    let effects = on(&mut machine, 0, Input::Panicked);
    assert!(matches!(effects.last(), Some(Effect::Start { timer: Timer::Recover, .. })));
    assert_eq!(sent(&on(&mut machine, 50, Input::Timer(Timer::Recover))), [(0, 1)]);
}

#[test]
fn a_server_that_took_over_gets_what_it_lacks_before_anything_else() {
    let mut machine = machine();
    machine.use_journal();
    let draft = outcome("call");
    let admitted = vec![(draft.request_id, Verdict::Admitted)];
    let admitted = CaptureReply { verdicts: admitted, ..CaptureReply::default() };
    let (lane, closed) = (Lane::Shared, CaptureReply::default());
    on(&mut machine, 0, admit(&draft, "call"));
    let reply = admitted.clone();
    on(&mut machine, 0, Input::Committed { lane, reply, server: Some(0) });
    let closing = Box::new(Closing { outcome: draft, answer: None });
    let awaited = Awaited::ByClient;
    on(&mut machine, 0, Input::Record { closing, waiter: "record", awaited });
    let error = StoreError::AnotherServer;
    let effects = on(&mut machine, 0, Input::Failed { lane, error, server: Some(1) });
    assert!(replies(&effects).is_empty(), "nobody is in doubt: nothing was written");
    assert_eq!(sent(&effects), [(1, 0)], "its admission first");
    let reply = admitted;
    let effects = on(&mut machine, 0, Input::Committed { lane, reply, server: Some(1) });
    assert_eq!(sent(&effects), [(0, 1)]);
    let effects = on(&mut machine, 0, Input::Committed { lane, reply: closed, server: Some(1) });
    assert_eq!(replies(&effects), [("record", "Durable".to_owned())]);
}

#[test]
fn checkpoints_are_made_between_batches_and_the_file_beside_them() {
    let mut machine = machine();
    machine.use_checkpoints(CheckpointFiles::AtRest);
    on(&mut machine, 0, record("a", Awaited::ByClient));
    assert!(on(&mut machine, 0, Input::CheckpointDue).is_empty(), "a batch is under way");
    on(&mut machine, 0, record("b", Awaited::ByClient));
    let effects = on(&mut machine, 0, committed(CaptureReply::default()));
    assert!(matches!(effects.last(), Some(Effect::Checkpoint)) && sent(&effects).is_empty());
    let effects =
        on(&mut machine, 0, Input::Checkpointed(Ok(ainfera_store::CheckpointResult::NothingNew)));
    assert_eq!(sent(&effects), [(0, 1)]);
}

#[test]
fn one_reaper_at_a_time() {
    let mut machine = machine();
    let due = || Input::ReapDue { boot_id: ainfera_schema::BootId::mint(), lease: Duration::ZERO };
    assert_eq!(on(&mut machine, 0, due()).len(), 1);
    assert!(on(&mut machine, 0, due()).is_empty());
    on(&mut machine, 0, Input::Reaped(Ok(0)));
    assert_eq!(on(&mut machine, 0, due()).len(), 1);
}
