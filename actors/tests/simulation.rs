//! Seeded simulation of the capture queue against a model store that fails, commits without saying
//! so, and refuses single records, finds accounts locked, while admissions, records, rejections and
//! owners that leave early come in any order. One seed is one history: a failure prints its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "simulation/history.rs"]
mod history;
#[path = "simulation/model_store.rs"]
mod model_store;
#[path = "simulation/random.rs"]
mod random;

use history::History;

const SEEDS: u64 = 10_000;

#[test]
fn ten_thousand_histories_close_every_admitted_call_exactly_once() {
    let mut totals = history::Totals::default();
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| History::new(seed).run());
        totals += outcome
            .unwrap_or_else(|_| panic!("seed {seed} fails: History::new({seed}).run() shows it"));
    }
    // a simulation in which nothing goes wrong would prove nothing
    assert!(
        totals.admitted > SEEDS
            && totals.refused > SEEDS / 2
            && totals.duplicates > SEEDS / 2
            && totals.rejected > SEEDS,
        "{totals:?}"
    );
    assert!(
        totals.store_failures > SEEDS && totals.in_doubt > SEEDS && totals.poisoned > SEEDS / 2,
        "{totals:?}"
    );
    assert!(totals.acknowledged > SEEDS, "{totals:?}");
    assert!(totals.found_locked > SEEDS / 2 && totals.waited_apart > SEEDS / 2, "{totals:?}");
    assert!(
        totals.doubted > SEEDS
            && totals.spooled > SEEDS
            && totals.left_early > SEEDS
            && totals.turned_away > SEEDS / 2,
        "{totals:?}"
    );
}
