//! Who is let in.

use ainfera_schema::OutcomeStatus;
use ainfera_schema::policy::SpendPolicy;
use ainfera_store::{Refusal, Verdict};
use futures_util::future::join_all;

use crate::call::{admission, admissions, call, closing, closings, direct_call, usd, verdicts};
use crate::database::Database;

fn caps(per_call: Option<&str>, daily: Option<&str>) -> SpendPolicy {
    SpendPolicy {
        per_call_cap_usd: per_call.map(usd),
        daily_cap_usd: daily.map(usd),
        ..SpendPolicy::default()
    }
}

pub async fn exactly_as_many_fit_as_the_cap_allows_in_one_batch(database: Database) {
    let agent = database.agent("100", caps(None, Some("7"))).await;
    let boot_id = database.boot("one").await;
    let calls: Vec<_> = (0..20).map(|_| call(agent)).collect();
    let reply = database
        .store
        .capture(admissions(calls.iter().map(|call| admission(call, boot_id, "1"))))
        .await
        .unwrap();
    let verdicts = verdicts(reply);
    assert!(verdicts[..7].iter().all(|verdict| *verdict == Verdict::Admitted));
    let refusal = Verdict::Refused(Refusal::DailyCap {
        cap: usd("7"),
        committed: usd("7"),
        needed: usd("1"),
    });
    assert!(verdicts[7..].iter().all(|verdict| *verdict == refusal));
    assert_eq!(database.wallet(agent.0).await, (usd("100"), usd("7")));
    assert_eq!(
        database.texts("SELECT outcome_status FROM routing_outcomes").await,
        vec!["rejected_cap"; 13]
    );
    database.assert_sound(agent.0).await;
}

pub async fn exactly_as_many_fit_as_the_wallet_allows_across_racing_batches(database: Database) {
    let agent = database.agent("7", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let batches = (0..20)
        .map(|_| database.store.capture(admissions([admission(&call(agent), boot_id, "1")])));
    let replies = join_all(batches).await;
    let admitted = replies
        .into_iter()
        .flat_map(|reply| verdicts(reply.unwrap()))
        .filter(|verdict| *verdict == Verdict::Admitted);
    assert_eq!(admitted.count(), 7);
    assert_eq!(database.wallet(agent.0).await, (usd("7"), usd("7")));
    database.assert_sound(agent.0).await;
}

pub async fn what_a_call_did_not_cost_can_be_held_again(database: Database) {
    let agent = database.agent("1", caps(None, Some("1"))).await;
    let boot_id = database.boot("one").await;
    let first = call(agent);
    let second = call(agent);
    let store = &database.store;
    store.capture(admissions([admission(&first, boot_id, "0.9")])).await.unwrap();
    let refused = store.capture(admissions([admission(&second, boot_id, "0.9")])).await.unwrap();
    assert!(matches!(verdicts(refused)[..], [Verdict::Refused(Refusal::DailyCap { .. })]));
    store.capture(closings([closing(&first, OutcomeStatus::Succeeded)])).await.unwrap();
    let third =
        store.capture(admissions([admission(&call(agent), boot_id, "0.9956")])).await.unwrap();
    assert_eq!(verdicts(third), [Verdict::Admitted]);
    assert_eq!(database.wallet(agent.0).await, (usd("0.9956"), usd("0.9956")));
    database.assert_sound(agent.0).await;
}

pub async fn every_refusal_leaves_its_row_and_its_events(database: Database) {
    let capped = database.agent("0.5", caps(Some("0.2"), None)).await;
    let boot_id = database.boot("one").await;
    let store = &database.store;
    let batch = admissions([
        admission(&call(capped), boot_id, "0.200000001"),
        admission(&call(capped), boot_id, "0.2"),
        admission(&call(capped), boot_id, "0.2"),
        admission(&call(capped), boot_id, "0.2"),
        admission(&direct_call(capped), boot_id, "0.2"),
    ]);
    let verdicts_before = verdicts(store.capture(batch).await.unwrap());
    let funds = Verdict::Refused(Refusal::Funds { available: usd("0.1"), needed: usd("0.2") });
    let per_call =
        Verdict::Refused(Refusal::PerCallCap { cap: usd("0.2"), needed: usd("0.200000001") });
    assert_eq!(
        verdicts_before,
        [per_call, Verdict::Admitted, Verdict::Admitted, funds.clone(), funds]
    );

    database.execute("UPDATE agents SET status = 'suspended'").await.unwrap();
    let inactive = verdicts(
        store.capture(admissions([admission(&call(capped), boot_id, "0")])).await.unwrap(),
    );
    assert_eq!(inactive, [Verdict::Refused(Refusal::Inactive { status: "suspended".to_owned() })]);

    let statuses =
        database.texts("SELECT outcome_status FROM routing_outcomes ORDER BY outcome_status").await;
    assert_eq!(statuses, ["rejected_cap", "rejected_funds", "rejected_inactive"]);
    let empty = "SELECT count(*) FROM routing_outcomes WHERE inference_id IS NULL AND chosen_model_slug IS NULL AND cost_actual_usd = 0";
    assert_eq!(database.texts(empty).await, ["3"]);
    let events = database.store.audit_events(capped.0, 2, 100).await.unwrap();
    let types: Vec<&str> = events.iter().map(|event| event.event_type.as_str()).collect();
    let rejected = ["inference.requested", "inference.rejected"];
    let violation = ["inference.requested", "inference.rejected_cap_violation"];
    assert_eq!(types, [violation, rejected, rejected, rejected].concat());
    assert_eq!(events[5].payload["router"], "direct");
    database.assert_sound(capped.0).await;
}
