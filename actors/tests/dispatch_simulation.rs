//! Seeded simulation of a call: the machine that decides in production, led through histories of
//! providers that fail before and after content, top-ups that are denied, deadlines, clients that
//! leave or do not read, and a store that is slow or fails. One seed is one history: a failure
//! prints its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "dispatch_simulation/effects.rs"]
mod effects;
#[path = "dispatch_simulation/expected.rs"]
mod expected;
#[path = "dispatch_simulation/history.rs"]
mod history;
#[path = "dispatch_simulation/market.rs"]
mod market;
#[path = "dispatch_simulation/oracle.rs"]
mod oracle;
#[path = "dispatch_simulation/provider.rs"]
mod provider;
#[path = "simulation/random.rs"]
mod random;
#[path = "dispatch_simulation/totals.rs"]
mod totals;
#[path = "dispatch_simulation/unlawful.rs"]
mod unlawful;

use history::History;
use totals::Totals;

const SEEDS: u64 = 10_000;

/// What has to happen in so many histories at least so often.
const HAPPENS: [(&str, u64); 34] = [
    ("admitted", 5_000),
    ("not decided", 100),
    ("not admitted", 100),
    ("answered before", 100),
    ("attempt", 5_000),
    ("attempt that could not start", 100),
    ("sent again", 100),
    ("failure before content", 1_000),
    ("failure after content", 100),
    ("provider crashed", 100),
    ("candidate left out", 100),
    ("nobody can be asked", 100),
    ("retry budget spent", 100),
    ("not computable", 50),
    ("committed", 1_000),
    ("top-up", 1_000),
    ("top-up ahead", 100),
    ("top-up ahead asked for again", 1),
    ("top-up denied", 100),
    ("top-up for a call that is closed as lost", 25),
    ("top-up unanswered", 100),
    ("client left before content", 100),
    ("client left after content", 100),
    ("client gone at a write", 100),
    ("client stalled", 100),
    ("sink lost", 25),
    ("read to the end for nobody", 100),
    ("head deadline", 100),
    ("total deadline", 100),
    ("drain deadline", 5),
    ("row not durable in time", 100),
    ("failure in the stream", 100),
    ("unlawful", 10_000),
    ("second batch", 100),
];

/// Every way in which an admitted call can end here.
const STATUSES: [&str; 7] = [
    "succeeded",
    "client_gone",
    "client_stalled",
    "timed_out",
    "failed_midstream",
    "failed_provider_error",
    "failed_other",
];

#[test]
fn ten_thousand_calls_keep_every_promise_whatever_happens_to_them() {
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| History::new(seed).run());
        totals.add(
            &outcome.unwrap_or_else(|_| {
                panic!("seed {seed} fails: History::new({seed}).run() shows it")
            }),
        );
    }
    // a simulation in which nothing goes wrong would prove nothing
    for (what, least) in HAPPENS.into_iter().chain(STATUSES.map(|status| (status, 100))) {
        assert!(totals.of(what) >= least, "{what} is too rare: {totals:?}");
    }
}
