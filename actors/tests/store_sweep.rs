//! "Fail the n-th store call": a scripted life of two boots is run again and again, each time with
//! another call to the store failing, before or after it took effect, until a run is through before
//! its turn comes. Whatever fails, the same rows are there at the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "sweep/faulty_store.rs"]
mod faulty_store;
#[path = "../../store/tests/support/postgres.rs"]
mod postgres;
#[path = "sweep/script.rs"]
mod script;

use std::sync::Arc;

use faulty_store::{FaultyStore, Moment};

/// More than the script makes: a sweep that does not end would be a script that never gets through.
const MOST_CALLS: usize = 200;

async fn sweep(name: &str, open: impl AsyncFn() -> Arc<dyn ainfera_store::StoreWriter>) {
    let mut failed = 0;
    for moment in [Moment::Before, Moment::After] {
        let mut through = false;
        for number in 1..MOST_CALLS {
            let store = Arc::new(FaultyStore::new(open().await, number, moment));
            script::run(
                Arc::clone(&store),
                &format!("{name}, call {number} fails {moment:?} its effect"),
            )
            .await;
            if !store.has_failed() {
                through = true;
                break;
            }
            failed += 1;
        }
        assert!(through, "{name}: the script makes more than {MOST_CALLS} calls");
    }
    assert!(failed > 20, "{name}: only {failed} calls failed");
}

#[actix_rt::test]
async fn whichever_call_fails_the_rows_are_the_same_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    sweep("sqlite", async || {
        number.set(number.get() + 1);
        ainfera_store::open(&format!(
            "sqlite://{}",
            folder.path().join(format!("{}.db", number.get())).display()
        ))
        .await
        .unwrap()
    })
    .await;
}

#[actix_rt::test]
async fn whichever_call_fails_the_rows_are_the_same_on_postgres() {
    sweep("postgres", async || {
        ainfera_store::open(&postgres::fresh_database().await).await.unwrap()
    })
    .await;
}
