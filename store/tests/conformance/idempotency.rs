//! Calls that are sent again under the same key.

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{BootId, OutcomeStatus, RoutingOutcome, Usd};
use ainfera_store::{
    Admission, Closing, Earlier, EarlierCall, IdempotencyClaim, StoredAnswer, Verdict,
};
use futures_util::future::join_all;

use crate::call::{admission, admissions, call, closing, closings, usd, verdicts};
use crate::database::Database;

fn claim(key: u8, fingerprint: u8) -> Option<IdempotencyClaim> {
    Some(IdempotencyClaim { key_sha256: [key; 32], fingerprint: [fingerprint; 32] })
}

fn keyed(outcome: &RoutingOutcome, boot_id: BootId, key: u8, fingerprint: u8) -> Admission {
    Admission { idempotency: claim(key, fingerprint), ..admission(outcome, boot_id, "0.1") }
}

fn answered(outcome: &RoutingOutcome) -> Closing {
    let answer = StoredAnswer {
        frames: "event: message_stop\ndata: {\"type\":\"message_stop\",\"x\":\"ü\\u0000\"}\n\n"
            .into(),
    };
    Closing { answer: Some(answer), ..closing(outcome, OutcomeStatus::Succeeded) }
}

/// Sends a call of its own under the key, and tells what became of it.
async fn again(
    database: &Database,
    outcome: &RoutingOutcome,
    boot_id: BootId,
    key: u8,
    fingerprint: u8,
) -> Verdict {
    let duplicate = call((outcome.agent_id, outcome.tenant_id));
    let reply = database
        .store
        .capture(admissions([keyed(&duplicate, boot_id, key, fingerprint)]))
        .await
        .unwrap();
    verdicts(reply).remove(0)
}

fn completed(verdict: Verdict) -> Option<(StoredAnswer, EarlierCall)> {
    match verdict {
        Verdict::Duplicate(Earlier::Completed { answer, summary }) => Some((answer, *summary)),
        _ => None,
    }
}

fn not_replayable(verdict: Verdict) -> Option<EarlierCall> {
    match verdict {
        Verdict::Duplicate(Earlier::NotReplayable { summary }) => Some(*summary),
        _ => None,
    }
}

pub async fn of_racing_calls_with_one_key_one_is_admitted(database: Database) {
    let agent = database.agent("100", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let other = Database::open_again(&database).await;
    let calls: Vec<_> = (0..64).map(|_| call(agent)).collect();
    let batches = calls.iter().enumerate().map(|(number, call)| {
        let store = if number % 2 == 0 { &database.store } else { &other.store };
        store.capture(admissions([keyed(call, boot_id, 1, 1)]))
    });
    let verdicts: Vec<Verdict> =
        join_all(batches).await.into_iter().flat_map(|reply| verdicts(reply.unwrap())).collect();
    assert_eq!(verdicts.iter().filter(|verdict| **verdict == Verdict::Admitted).count(), 1);
    assert_eq!(
        verdicts
            .iter()
            .filter(|verdict| **verdict == Verdict::Duplicate(Earlier::InFlight))
            .count(),
        63
    );
    assert_eq!(database.wallet(agent.0).await, (usd("100"), usd("0.1")));
    assert_eq!((database.count("intents").await, database.count("routing_outcomes").await), (1, 0));
    database.assert_sound(agent.0).await;
}

pub async fn of_calls_with_one_key_in_one_batch_the_first_is_admitted(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<_> = (0..3).map(|_| call(agent)).collect();
    let batch = [
        keyed(&calls[0], boot_id, 1, 1),
        keyed(&calls[1], boot_id, 1, 1),
        keyed(&calls[2], boot_id, 1, 2),
    ];
    let first = database.store.capture(admissions(batch.clone())).await.unwrap();
    let expected = [
        Verdict::Admitted,
        Verdict::Duplicate(Earlier::InFlight),
        Verdict::Duplicate(Earlier::Mismatch),
    ];
    assert_eq!(verdicts(first), expected);
    let sent_again = database.store.capture(admissions(batch)).await.unwrap();
    assert_eq!(verdicts(sent_again), expected);
    assert_eq!((database.count("intents").await, database.count("idempotency_keys").await), (1, 1));
    assert_eq!(
        again(&database, &calls[0], boot_id, 2, 1).await,
        Verdict::Admitted,
        "another key is another call"
    );
    database.assert_sound(agent.0).await;
}

pub async fn a_refused_call_holds_no_key(database: Database) {
    let agent = database.agent("0.15", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let without = call(agent);
    database.store.capture(admissions([admission(&without, boot_id, "0.1")])).await.unwrap();
    assert!(matches!(again(&database, &without, boot_id, 1, 1).await, Verdict::Refused(_)));
    let free = RoutingOutcome { cost_actual_usd: Usd::ZERO, ..without.clone() };
    database
        .store
        .capture(closings([closing(&free, OutcomeStatus::FailedProviderError)]))
        .await
        .unwrap();
    assert_eq!(again(&database, &without, boot_id, 1, 2).await, Verdict::Admitted);
    database.assert_sound(agent.0).await;
}

pub async fn a_completed_call_is_answered_again_whatever_is_left(database: Database) {
    let agent = database.agent("0.1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let first = call(agent);
    database.store.capture(admissions([keyed(&first, boot_id, 1, 1)])).await.unwrap();
    let closing = answered(&first);
    database.store.capture(closings([closing.clone()])).await.unwrap();
    let events = database.count("audit_events").await;
    // the wallet no longer carries such a call, but this one is paid for
    for _ in 0..2 {
        let (answer, summary) =
            completed(again(&database, &first, boot_id, 1, 1).await).expect("it was completed");
        assert_eq!(Some(answer), closing.answer);
        assert_eq!(
            (summary.request_id, summary.inference_id, summary.receipt_id),
            (first.request_id, first.inference_id, first.receipt_id)
        );
        assert_eq!(
            (summary.cost_usd, summary.usage, &summary.coercions),
            (first.cost_actual_usd, first.usage, &first.coercions)
        );
        assert_eq!(summary.status, Some(OutcomeStatus::Succeeded));
    }
    assert_eq!(
        again(&database, &first, boot_id, 1, 2).await,
        Verdict::Duplicate(Earlier::Mismatch)
    );
    assert_eq!(
        (database.count("routing_outcomes").await, database.count("audit_events").await),
        (1, events)
    );
    assert_eq!(database.wallet(agent.0).await, (usd("0.0956"), usd("0")));
    database.assert_sound(agent.0).await;
}

pub async fn a_key_is_released_by_a_failure_that_cost_nothing(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let first = RoutingOutcome { cost_actual_usd: Usd::ZERO, ..call(agent) };
    database.store.capture(admissions([keyed(&first, boot_id, 1, 1)])).await.unwrap();
    database
        .store
        .capture(closings([closing(&first, OutcomeStatus::FailedProviderError)]))
        .await
        .unwrap();
    assert_eq!(database.count("idempotency_keys").await, 0);
    assert_eq!(again(&database, &first, boot_id, 1, 2).await, Verdict::Admitted);
    database.assert_sound(agent.0).await;
}

pub async fn a_call_that_cost_something_without_an_answer_is_not_run_again(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let statuses = [
        OutcomeStatus::FailedMidstream,
        OutcomeStatus::ClientGone,
        OutcomeStatus::ClientStalled,
        OutcomeStatus::TimedOut,
        OutcomeStatus::Succeeded,
    ];
    for (key, status) in (1..).zip(statuses) {
        let first = call(agent);
        database.store.capture(admissions([keyed(&first, boot_id, key, 1)])).await.unwrap();
        database.store.capture(closings([closing(&first, status)])).await.unwrap();
        let summary = not_replayable(again(&database, &first, boot_id, key, 1).await)
            .expect("it was charged");
        assert_eq!((summary.status, summary.cost_usd), (Some(status), usd("0.0044")));
        assert_eq!(
            again(&database, &first, boot_id, key, 2).await,
            Verdict::Duplicate(Earlier::Mismatch)
        );
    }
    assert_eq!(database.count("intents").await, 0);
    database.assert_sound(agent.0).await;
}

pub async fn a_key_is_forgotten_after_a_day(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<_> = (0..3).map(|_| call(agent)).collect();
    let batch = calls.iter().zip(1..).map(|(call, key)| keyed(call, boot_id, key, 1));
    database.store.capture(admissions(batch)).await.unwrap();
    database.store.capture(closings(calls[..2].iter().map(answered))).await.unwrap();
    let past = if database.is_postgres() {
        "now() - interval '1 second'"
    } else {
        "'2026-01-01T00:00:00.000000Z'"
    };
    database.execute(&format!("UPDATE idempotency_keys SET expires_at = {past}")).await.unwrap();
    // another request may have the key; what else has expired goes with it, two for one
    assert_eq!(again(&database, &calls[0], boot_id, 1, 2).await, Verdict::Admitted);
    assert_eq!(database.count("idempotency_keys").await, 1);
    // the end of a call whose key has expired changes nobody else's
    database.store.capture(closings([answered(&calls[2])])).await.unwrap();
    assert_eq!(
        again(&database, &calls[0], boot_id, 1, 2).await,
        Verdict::Duplicate(Earlier::InFlight)
    );
    database.assert_sound(agent.0).await;
}

pub async fn the_owner_of_an_expired_key_cannot_end_the_one_that_replaced_it(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let slow = call(agent);
    database.store.capture(admissions([keyed(&slow, boot_id, 1, 1)])).await.unwrap();
    let past = if database.is_postgres() {
        "now() - interval '1 second'"
    } else {
        "'2026-01-01T00:00:00.000000Z'"
    };
    database.execute(&format!("UPDATE idempotency_keys SET expires_at = {past}")).await.unwrap();
    assert_eq!(again(&database, &slow, boot_id, 1, 1).await, Verdict::Admitted);
    database.store.capture(closings([answered(&slow)])).await.unwrap();
    assert_eq!(again(&database, &slow, boot_id, 1, 1).await, Verdict::Duplicate(Earlier::InFlight));
    database.assert_sound(agent.0).await;
}

pub async fn a_lost_call_keeps_its_key_if_it_is_charged(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let (charged, free) = (call(agent), call(agent));
    let free_admission = Admission { charge_if_lost: Usd::ZERO, ..keyed(&free, boot_id, 2, 1) };
    database
        .store
        .capture(admissions([keyed(&charged, boot_id, 1, 1), free_admission]))
        .await
        .unwrap();
    let next = BootId::mint();
    assert_eq!(database.store.begin_boot(next, "one").await.unwrap(), 2);
    let summary =
        not_replayable(again(&database, &charged, next, 1, 1).await).expect("it was charged");
    assert_eq!((summary.status, summary.cost_usd), (Some(OutcomeStatus::Lost), usd("0.003")));
    assert_eq!(again(&database, &free, next, 2, 1).await, Verdict::Admitted);
    database.assert_sound(agent.0).await;
}

pub async fn a_key_is_one_agents(database: Database) {
    let agent = database.agent("10", SpendPolicy::default()).await;
    let stranger = database.agent("10", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let first = call(agent);
    database.store.capture(admissions([keyed(&first, boot_id, 1, 1)])).await.unwrap();
    database.store.capture(closings([answered(&first)])).await.unwrap();
    assert_eq!(again(&database, &call(stranger), boot_id, 1, 1).await, Verdict::Admitted);
    database.assert_sound(stranger.0).await;
}
