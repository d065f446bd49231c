//! The schema's history, and what the tables themselves refuse.

use ainfera_schema::OutcomeStatus;
use ainfera_schema::policy::SpendPolicy;
use ainfera_store::StoreError;
use futures_util::future::join_all;

use crate::call::{admission, admissions, call, closing, closings};
use crate::database::Database;

pub async fn replicas_may_migrate_together_and_again(database: Database) {
    let other = ainfera_store::open(&database.url).await.unwrap();
    let together = [&database.store, &other, &database.store, &other].map(|store| store.migrate());
    for result in join_all(together).await {
        result.unwrap();
    }
    database.store.migrate().await.unwrap();
    let applied = database.texts("SELECT name FROM schema_migrations ORDER BY version").await;
    assert_eq!(applied[0], "init");
    assert_eq!(
        database.texts("SELECT DISTINCT version FROM schema_migrations").await.len(),
        applied.len()
    );
}

pub async fn an_edited_history_is_refused(database: Database) {
    database.execute("UPDATE schema_migrations SET sha256 = 'another'").await.unwrap();
    assert!(matches!(database.store.migrate().await, Err(StoreError::History(_))));
}

pub async fn a_newer_schema_is_refused(database: Database) {
    let newer = "INSERT INTO schema_migrations (version, name, sha256, applied_at) SELECT 99, 'later', sha256, applied_at FROM schema_migrations WHERE version = 1";
    database.execute(newer).await.unwrap();
    let error = database.store.migrate().await.unwrap_err();
    assert!(error.to_string().contains("version 99 is newer"), "{error}");
}

pub async fn what_is_written_stays_written(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let ended = call(agent);
    database.store.capture(admissions([admission(&ended, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&ended, OutcomeStatus::Succeeded)])).await.unwrap();
    for table in ["routing_outcomes", "transfers", "audit_events"] {
        for sql in
            [format!("DELETE FROM {table}"), format!("UPDATE {table} SET created_at = created_at")]
        {
            let error = database.execute(&sql).await.unwrap_err();
            assert!(error.contains("append only"), "{sql}: {error}");
        }
    }
    database.assert_sound(agent.0).await;
}

pub async fn a_status_of_no_meaning_is_refused(database: Database) {
    let agent = database.agent("1", SpendPolicy::default()).await;
    let boot_id = database.boot("one").await;
    let ended = call(agent);
    database.store.capture(admissions([admission(&ended, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&ended, OutcomeStatus::Succeeded)])).await.unwrap();
    let copy = |status: &str| {
        let columns = "agent_id, tenant_id, task_type, policy_version, ruleset_hash, decision_rule, candidates, m_allowed_set,
            cost_actual_usd, observed_latency_ms, input_tokens, cache_read_input_tokens, cache_creation_input_tokens, output_tokens,
            usage_basis, created_at, closed_at";
        format!(
            "INSERT INTO routing_outcomes (request_id, outcome_status, {columns})
             SELECT '00000000-0000-7000-8000-00000000000{}', '{status}', {columns} FROM routing_outcomes LIMIT 1",
            status.len() % 10
        )
    };
    database.execute(&copy("lost")).await.unwrap();
    let error = database.execute(&copy("finished")).await.unwrap_err();
    assert!(error.to_lowercase().contains("check"), "{error}");
}
