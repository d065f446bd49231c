use std::sync::{Arc, Mutex};

use ainfera_store::{QuarantineScope, SqliteStore, StoreReader};

use super::*;
use crate::capture::example::closing;
use crate::capture::spool::encode;
use crate::capture::spool_file::SpoolFile;

struct Bench {
    store: SqliteStore,
    spool: SharedSpool,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

/// A store without a schema takes no record.
fn bench() -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let spool = SpoolFile::new(folder.path().join("a.spool"));
    let file = spool.refused_path();
    let store = SqliteStore::in_memory().unwrap();
    Bench { store, spool: Arc::new(Mutex::new(spool)), file, _folder: folder }
}

fn record(model: &str) -> RefusedRecord {
    let refused = StoreError::Statement("check constraint".to_owned());
    let (reason, replica) = (refused.to_string(), "one".to_owned());
    RefusedRecord { closing: closing(model), reason, replica }
}

impl Bench {
    async fn waiting(&self) -> Vec<(String, String, String)> {
        let rows = self.store.quarantined(QuarantineScope::Waiting, 10).await.unwrap();
        let told = rows.into_iter().map(|row| {
            let model = row.closing().unwrap().outcome.model_requested;
            (model, row.reason, row.replica)
        });
        let mut told: Vec<_> = told.collect();
        told.sort();
        told
    }
}

fn told(model: &str, reason: &str, replica: &str) -> (String, String, String) {
    (model.to_owned(), reason.to_owned(), replica.to_owned())
}

#[tokio::test]
async fn what_the_store_keeps_is_in_no_file() {
    let bench = bench();
    bench.store.migrate().await.unwrap();
    quarantine(&bench.store, Some(&bench.spool), vec![record("a")]).await.unwrap();
    assert_eq!(bench.waiting().await, [told("a", "statement failed: check constraint", "one")]);
    assert!(!bench.file.exists());
}

#[tokio::test]
async fn what_no_quarantine_takes_is_in_the_file_and_offered_at_the_next_start() {
    let bench = bench();
    let records = vec![record("a"), record("b")];
    quarantine(&bench.store, Some(&bench.spool), records).await.unwrap();
    offer_again(&bench.store, &bench.spool, "two").await.unwrap();
    assert_eq!(read_lines(&bench.file).unwrap().len(), 2, "nothing takes them yet");
    assert!(quarantine(&bench.store, None, vec![record("c")]).await.is_err(), "there is no file");

    bench.store.migrate().await.unwrap();
    offer_again(&bench.store, &bench.spool, "two").await.unwrap();
    let reason = "statement failed: check constraint";
    assert_eq!(bench.waiting().await, [told("a", reason, "one"), told("b", reason, "one")]);
    assert!(!bench.file.exists());
    offer_again(&bench.store, &bench.spool, "two").await.unwrap();
}

#[tokio::test]
async fn lines_that_cannot_be_read_stay_and_those_of_an_earlier_version_are_read() {
    let bench = bench();
    bench.store.migrate().await.unwrap();
    let mut bytes = Vec::new();
    encode(&closing("old"), &mut bytes).unwrap();
    bytes.extend_from_slice(b"{\"torn\": \xff\n");
    std::fs::write(&bench.file, bytes).unwrap();
    offer_again(&bench.store, &bench.spool, "two").await.unwrap();
    assert_eq!(bench.waiting().await, [told("old", REASON_UNKNOWN, "two")]);
    assert_eq!(std::fs::read(&bench.file).unwrap(), b"{\"torn\": \xff\n");
}
