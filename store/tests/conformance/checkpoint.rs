//! Checkpoints over the heads of all chains.

use std::sync::Arc;

use ainfera_schema::audit_break::{Declaration, Listing};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, OutcomeStatus};
use ainfera_store::audit_log::{LogReader, read_log};
use ainfera_store::audit_verify::{Record, Report, Scope, Verifier, examine};
use ainfera_store::investigate::investigate;
use ainfera_store::{CheckpointResult, Kept, Standing, StoreError};

use crate::call::{admission, admissions, call, closing, closings};
use crate::database::Database;

fn signer() -> Arc<CheckpointSigner> {
    Arc::new(CheckpointSigner::new(&[5; 32]))
}

async fn made(database: &Database) -> Checkpoint {
    let CheckpointResult::Made(checkpoint) =
        database.store.checkpoint(signer(), None).await.unwrap()
    else {
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
    assert_eq!(
        database.store.checkpoint(signer(), None).await.unwrap(),
        CheckpointResult::NothingNew
    );
    let agent = database.agent("1", SpendPolicy::default()).await;
    let other = database.agent("1", SpendPolicy::default()).await;
    let first = made(&database).await;
    assert_eq!((first.number, first.tree_size, first.heads_count, first.heads.len()), (1, 4, 2, 2));
    assert_eq!(
        database.store.checkpoint(signer(), None).await.unwrap(),
        CheckpointResult::NothingNew
    );
    let boot_id = database.boot("one").await;
    let outcome = call(agent);
    database.store.capture(admissions([admission(&outcome, boot_id, "0.1")])).await.unwrap();
    database.store.capture(closings([closing(&outcome, OutcomeStatus::Succeeded)])).await.unwrap();
    let second = made(&database).await;
    assert_eq!((second.number, second.tree_size), (2, 9));
    assert_eq!(second.previous_hash.as_ref(), Some(&first.hash));
    assert_eq!(
        second.heads.iter().map(|head| head.agent_id.clone()).collect::<Vec<_>>(),
        [agent.0.to_string()]
    );
    assert_eq!(database.store.checkpoints(0, 10).await.unwrap(), [first, second]);
    let report = verified(&database).await;
    assert_eq!(report.findings, []);
    assert_eq!(
        (report.events, report.checkpoints, report.chains, report.unsigned_events),
        (9, 2, 2, 0)
    );
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
    database
        .execute(&format!("UPDATE accounts SET audit_seq = 1, audit_head = '{head}'"))
        .await
        .unwrap();
    assert!(matches!(database.store.checkpoint(signer(), None).await, Err(StoreError::Corrupt(_))));
}

pub async fn replicas_that_sign_together_leave_one_chain_of_checkpoints(database: Database) {
    let replica = Database::open_again(&database).await;
    for _ in 0..5 {
        database.agent("1", SpendPolicy::default()).await;
        let (left, right) = tokio::join!(
            database.store.checkpoint(signer(), None),
            replica.store.checkpoint(signer(), None)
        );
        let made = [left.unwrap(), right.unwrap()]
            .into_iter()
            .filter(|result| matches!(result, CheckpointResult::Made(_)))
            .count();
        assert_eq!(made, 1);
    }
    let report = verified(&database).await;
    assert_eq!((report.findings.as_slice(), report.checkpoints), ([].as_slice(), 5));
}

fn kept(checkpoint: &Checkpoint) -> Option<Kept> {
    Some(Kept { number: checkpoint.number, hash: checkpoint.hash.clone(), break_hash: None })
}

/// Two databases with the same first checkpoint: the second one is the first as it was put back.
/// Returns what the first signed besides.
async fn put_back(database: &Database) -> Vec<Checkpoint> {
    let gone =
        if database.is_postgres() { Database::postgres().await } else { Database::sqlite().await }
            .migrated()
            .await;
    for number in 0..3 {
        gone.agent("1", SpendPolicy::default()).await;
        let checkpoint = made(&gone).await;
        assert_eq!(checkpoint.number, number + 1);
    }
    database.agent("1", SpendPolicy::default()).await;
    gone.store.checkpoints(0, 10).await.unwrap()
}

pub async fn a_database_that_lacks_what_was_signed_signs_nothing_until_the_break_is_declared(
    database: Database,
) {
    let lost = put_back(&database).await;
    let newest = lost.last().unwrap();
    assert_eq!(database.store.audit_standing(kept(newest)).await.unwrap(), Standing::Parted);
    assert_eq!(
        database.store.checkpoint(signer(), kept(newest)).await.unwrap(),
        CheckpointResult::Parted
    );
    assert_eq!(database.store.checkpoints(0, 10).await.unwrap(), []);
    let parting = investigate(&*database.store, &lost, "one").await.unwrap().unwrap();
    assert_eq!(
        (parting.parted_after, parting.lost_number, parting.listing),
        (0, 3, Listing::Whole)
    );
    assert_eq!(
        (parting.missing.len(), parting.missing_events),
        (3, 6),
        "each new agent has two events"
    );

    // a replica that kept nothing of it does not sign either, once it was found
    let replica = Database::open_again(&database).await;
    database.store.note_parting(parting.clone()).await.unwrap();
    database.store.note_parting(parting.clone()).await.unwrap();
    assert_eq!(replica.store.checkpoint(signer(), None).await.unwrap(), CheckpointResult::Parted);
    assert_eq!(replica.store.open_partings().await.unwrap(), std::slice::from_ref(&parting));

    let declaration =
        || Declaration { declared_by: "somebody".to_owned(), reason: "the disk broke".to_owned() };
    let declared = database.store.declare_break(signer(), declaration()).await.unwrap().unwrap();
    assert_eq!((declared.number, declared.after_number, &declared.parting), (1, 0, &parting));
    assert_eq!(declared.check(&[signer().public_key()]), Ok(()));
    assert_eq!(database.store.declare_break(signer(), declaration()).await.unwrap(), None);
    assert_eq!(database.store.audit_breaks().await.unwrap(), std::slice::from_ref(&declared));
    assert!(matches!(
        database.store.audit_standing(kept(newest)).await.unwrap(),
        Standing::Declared { .. }
    ));
    let CheckpointResult::Made(next) =
        database.store.checkpoint(signer(), kept(&lost[1])).await.unwrap()
    else {
        unreachable!("what an older file has of the lost branch is declared too");
    };
    assert_eq!(next.number, 1);
    let report = verified(&database).await;
    assert_eq!(
        (report.findings.as_slice(), report.breaks.as_slice()),
        ([].as_slice(), [declared].as_slice())
    );
    for sql in ["UPDATE audit_breaks SET body = '{}'", "DELETE FROM audit_breaks"] {
        assert!(database.execute(sql).await.is_err(), "{sql}");
    }
}

pub async fn another_branch_is_told_from_one_that_goes_on(database: Database) {
    database.agent("1", SpendPolicy::default()).await;
    let first = made(&database).await;
    let other = CheckpointSigner::new(&[6; 32]).public_key();
    assert_ne!(other, signer().public_key());
    let continues = Standing::Continues { newest_break: None };
    assert_eq!(database.store.audit_standing(kept(&first)).await.unwrap(), continues);
    assert_eq!(database.store.audit_standing(None).await.unwrap(), continues);
    let elsewhere = Checkpoint { hash: "ab".repeat(32), ..first.clone() };
    assert_eq!(database.store.audit_standing(kept(&elsewhere)).await.unwrap(), Standing::Parted);
    database.agent("1", SpendPolicy::default()).await;
    let second = made(&database).await;
    assert_eq!(
        database.store.audit_standing(kept(&first)).await.unwrap(),
        continues,
        "an older file of the same branch"
    );
    assert_eq!(
        investigate(&*database.store, &[first.clone(), second.clone()], "one").await.unwrap(),
        None
    );
    let parting = investigate(
        &*database.store,
        &[first, Checkpoint { hash: "cd".repeat(32), ..second }],
        "one",
    )
    .await
    .unwrap()
    .unwrap();
    assert_eq!(
        (parting.parted_after, parting.lost_number, parting.missing_events),
        (1, 2, 0),
        "its events are all there"
    );
}
