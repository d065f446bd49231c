//! Seeded simulation of the capture machine: real machines of one or two replicas against a model
//! store that fails, commits without saying so, refuses single records, finds accounts locked and
//! forgets its last commits when a standby takes over; while admissions, records, rejections,
//! owners that leave early, kills and replicas that are given up come in any order. One seed is
//! one history: a failure prints its seed.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

#[path = "simulation/action.rs"]
mod action;
#[path = "simulation/budget.rs"]
mod budget;
#[path = "simulation/happen.rs"]
mod happen;
#[path = "simulation/history.rs"]
mod history;
#[path = "simulation/model_store.rs"]
mod model_store;
#[path = "simulation/owner.rs"]
mod owner;
#[path = "simulation/random.rs"]
mod random;
#[path = "simulation/reply.rs"]
mod reply;
#[path = "simulation/rest.rs"]
mod rest;
#[path = "simulation/search.rs"]
mod search;
#[path = "simulation/small_worlds.rs"]
mod small_worlds;
#[path = "simulation/totals.rs"]
mod totals;
#[path = "simulation/world.rs"]
mod world;

use history::History;
use totals::Totals;

const SEEDS: u64 = 10_000;

fn run(seeds: impl Iterator<Item = u64>) -> Totals {
    let mut totals = Totals::default();
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| History::new(seed).run());
        totals += outcome
            .unwrap_or_else(|_| panic!("seed {seed} fails: History::new({seed}).run() shows it"));
    }
    totals
}

#[test]
fn ten_thousand_histories_close_every_admitted_call_exactly_once() {
    let halves = [0, 1].map(|half| std::thread::spawn(move || run((half..SEEDS).step_by(2))));
    let mut totals = Totals::default();
    for half in halves {
        totals += half.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    }
    // a simulation in which nothing goes wrong would prove nothing
    let too_rare: Vec<_> =
        totals.each().into_iter().filter(|(_, count)| *count < SEEDS / 10).collect();
    assert!(too_rare.is_empty(), "too rare in {SEEDS} histories: {too_rare:?} of {totals:?}");
    println!("{totals:?}");
}
