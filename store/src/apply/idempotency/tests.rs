use ainfera_schema::{CallKind, ReceiptId, TenantId, Usd};

use super::*;

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn claim(key: u8, fingerprint: u8) -> IdempotencyClaim {
    IdempotencyClaim { key_sha256: [key; 32], fingerprint: [fingerprint; 32] }
}

fn ended(
    agent_id: AgentId,
    request_id: RequestId,
    status: OutcomeStatus,
    cost: &str,
) -> RoutingOutcome {
    RoutingOutcome {
        status: Some(status),
        cost_actual_usd: cost.parse::<Usd>().unwrap(),
        ..RoutingOutcome::begun(
            request_id,
            ReceiptId::mint(),
            agent_id,
            TenantId::mint(),
            CallKind::Routed,
        )
    }
}

fn answer() -> StoredAnswer {
    StoredAnswer { frames: "event: message_stop\ndata: {}\n\n".into() }
}

/// A book with one call in flight under key 1.
fn taken() -> (KeyBook, AgentId, RequestId) {
    let (agent_id, request_id) = (AgentId::mint(), RequestId::mint());
    let mut book = KeyBook::default();
    assert_eq!(book.earlier(agent_id, &claim(1, 1), noon()), None);
    book.take(agent_id, &claim(1, 1), request_id, noon());
    (book, agent_id, request_id)
}

#[test]
fn a_key_is_one_agents_and_one_bodys() {
    let (book, agent_id, _) = taken();
    assert_eq!(book.earlier(agent_id, &claim(1, 1), noon()), Some(Earlier::InFlight));
    assert_eq!(book.earlier(agent_id, &claim(1, 2), noon()), Some(Earlier::Mismatch));
    assert_eq!(book.earlier(agent_id, &claim(2, 1), noon()), None);
    assert_eq!(book.earlier(AgentId::mint(), &claim(1, 1), noon()), None);
}

#[test]
fn only_a_call_that_cost_nothing_gives_its_key_back() {
    for (status, cost, kept) in [
        (OutcomeStatus::FailedProviderError, "0", false),
        (OutcomeStatus::Lost, "0", false),
        (OutcomeStatus::Lost, "0.1", true),
        (OutcomeStatus::FailedMidstream, "0.1", true),
        (OutcomeStatus::ClientGone, "0.1", true),
        (OutcomeStatus::Succeeded, "0", true),
    ] {
        let (mut book, agent_id, request_id) = taken();
        // an answer of a call that did not succeed would be half of one
        book.close(&ended(agent_id, request_id, status, cost), Some(&answer()), noon());
        match book.earlier(agent_id, &claim(1, 1), noon()) {
            Some(Earlier::Completed { summary, .. }) => {
                assert_eq!(summary.status, Some(OutcomeStatus::Succeeded))
            }
            Some(Earlier::NotReplayable { summary }) => {
                assert_eq!((summary.status, kept), (Some(status), true))
            }
            other => assert_eq!((other, kept), (None, false)),
        }
        let changes = book.into_changes();
        assert_eq!((changes.touched.len(), changes.rows.len()), (1, usize::from(kept)));
    }
}

#[test]
fn a_success_without_its_answer_cannot_be_replayed() {
    let (mut book, agent_id, request_id) = taken();
    book.close(&ended(agent_id, request_id, OutcomeStatus::Succeeded, "0.1"), None, noon());
    assert!(matches!(
        book.earlier(agent_id, &claim(1, 1), noon()),
        Some(Earlier::NotReplayable { .. })
    ));
}

#[test]
fn an_expired_key_is_free_and_its_old_call_cannot_touch_the_new_one() {
    let (mut book, agent_id, old) = taken();
    let later = noon().checked_add(LIFE).unwrap();
    assert_eq!(book.earlier(agent_id, &claim(1, 2), later), None);
    let new = RequestId::mint();
    book.take(agent_id, &claim(1, 2), new, later);
    book.close(&ended(agent_id, old, OutcomeStatus::FailedProviderError, "0"), None, later);
    assert_eq!(book.earlier(agent_id, &claim(1, 2), later), Some(Earlier::InFlight));
    let changes = book.into_changes();
    assert_eq!((changes.touched.len(), changes.rows[0].request_id), (1, new));
}

#[test]
fn what_was_only_looked_at_is_not_written() {
    let (book, agent_id, _) = taken();
    let rows = book.into_changes().rows;
    let book = KeyBook::new(rows);
    assert_eq!(book.earlier(agent_id, &claim(1, 1), noon()), Some(Earlier::InFlight));
    let changes = book.into_changes();
    assert!(changes.touched.is_empty() && changes.rows.is_empty());
}
