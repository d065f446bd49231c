//! Checkpoints over the heads of all chains.

use std::sync::Arc;

use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, OutcomeStatus};
use ainfera_store::audit_log::{LogReader, read_log};
use ainfera_store::audit_verify::{Record, Report, Scope, Verifier, examine};
use ainfera_store::{CheckpointResult, StoreError};

use crate::call::{admission, admissions, call, closing, closings};
use crate::database::Database;

fn signer() -> Arc<CheckpointSigner> {
    Arc::new(CheckpointSigner::new(&[5; 32]))
}

async fn made(database: &Database) -> Checkpoint {
    let CheckpointResult::Made(checkpoint) = database.store.checkpoint(signer()).await.unwrap() else {
        unreachable!("a chain has grown, and nobody else signs");
    };
    *checkpoint
}

struct Reading(Verifier);

impl LogReader<StoreError> for Reading {
    fn record(&mut self, record: Record) -> Result<(), StoreError> {
        self.0.take(&examine(record));
        Ok(())
    }

    fn account_head(&mut self, head: &ChainHead) -> Result<(), StoreError> {
        self.0.expect_head(&head.agent_id, head.seq, &head.event_hash);
        Ok(())
    }
}

async fn verified(database: &Database) -> Report {
    let mut reading = Reading(Verifier::new(Scope::AllChains, vec![signer().public_key()], None));
    read_log(&*database.store, &mut reading).await.unwrap();
    reading.0.finish()
}

pub async fn checkpoints_follow_the_chains(database: Database) {
    assert_eq!(database.store.checkpoint(signer()).await.unwrap(), CheckpointResult::NothingNew);
    let agent = database.agent("1", SpendPolicy::default()).await;
    let other = database.agent("1", SpendPolicy::default()).await;
    let first = made(&database).await;
    assert_eq!((first.number, first.tree_size, first.heads_count, first.heads.len()), (1, 4, 2, 2));
    assert_eq!(database.store.checkpoint(signer()).await.unwrap(), CheckpointResult::NothingNew);
    let boot_id = database.boot("one").await;
    let outcome = call(agent);
    database.store.capture(admissions([admission(&outcome, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&outcome, OutcomeStatus::Succeeded)])).await.unwrap();
    let second = made(&database).await;
    assert_eq!((second.number, second.tree_size), (2, 9));
    assert_eq!(second.previous_hash.as_ref(), Some(&first.hash));
    assert_eq!(second.heads.iter().map(|head| head.agent_id.clone()).collect::<Vec<_>>(), [agent.0.to_string()]);
    assert_eq!(database.store.checkpoints(0, 10).await.unwrap(), [first, second]);
    let report = verified(&database).await;
    assert_eq!(report.findings, []);
    assert_eq!((report.events, report.checkpoints, report.chains, report.unsigned_events), (9, 2, 2, 0));
    let mut chains: Vec<AgentId> = Vec::new();
    while let Some(next) = database.store.next_chain(chains.last().copied()).await.unwrap() {
        chains.push(next);
    }
    assert!(chains.contains(&agent.0) && chains.contains(&other.0));
    assert!(database.execute("UPDATE audit_checkpoints SET tree_size = 1").await.is_err());
    assert!(database.execute("DELETE FROM audit_checkpoints").await.is_err());
}

pub async fn what_was_cut_off_is_not_signed_again(database: Database) {
    database.agent("1", SpendPolicy::default()).await;
    made(&database).await;
    let head = database.texts("SELECT event_hash FROM audit_events WHERE seq = 1").await.remove(0);
    database.execute(&format!("UPDATE accounts SET audit_seq = 1, audit_head = '{head}'")).await.unwrap();
    assert!(matches!(database.store.checkpoint(signer()).await, Err(StoreError::Corrupt(_))));
}

pub async fn replicas_that_sign_together_leave_one_chain_of_checkpoints(database: Database) {
    let replica = Database::open_again(&database).await;
    for _ in 0..5 {
        database.agent("1", SpendPolicy::default()).await;
        let (left, right) = tokio::join!(database.store.checkpoint(signer()), replica.store.checkpoint(signer()));
        let made = [left.unwrap(), right.unwrap()].into_iter().filter(|result| matches!(result, CheckpointResult::Made(_))).count();
        assert_eq!(made, 1);
    }
    let report = verified(&database).await;
    assert_eq!((report.findings.as_slice(), report.checkpoints), ([].as_slice(), 5));
}
