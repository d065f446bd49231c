//! Worlds that are small enough for all their states: one or two replicas, one or two calls, and a
//! few faults in any order. The least number of states shows that a world is not smaller than it
//! looks; docs/reliability.md has the exact ones.

use crate::budget::Budget;
use crate::owner::request_id;
use crate::search::{visit_all, world};
use crate::world::Takeover;

fn visit(calls: &[usize], takeover: Takeover, budget: Budget, least: usize) {
    let states = visit_all(world(calls, takeover, budget));
    println!("{states} states");
    assert!(states > least, "only {states} states");
}

#[test]
fn transactions_fail_before_or_after_their_commit_and_a_caller_leaves() {
    let budget = Budget { faults: 2, leaves: 1, ..Budget::NONE };
    visit(&[0, 0], Takeover::Never, budget, 10_000);
}

#[test]
fn a_process_dies_while_its_store_is_away_and_its_spool_is_replayed() {
    let budget = Budget { faults: 1, kills: 1, spool_checks: 2, spool_faults: 1, ..Budget::NONE };
    visit(&[0, 0], Takeover::Never, budget, 10_000);
}

#[test]
fn a_replica_is_given_up_while_it_lives_and_closes_late() {
    let budget = Budget { fences: 1, faults: 1, ..Budget::NONE };
    visit(&[0, 1], Takeover::Never, budget, 10_000);
}

#[test]
fn a_standby_takes_over_that_lacks_the_last_commits_of_two_replicas() {
    let budget = Budget { failovers: 1, leaves: 1, ..Budget::NONE };
    visit(&[0, 1], Takeover::Possible, budget, 10_000);
}

#[test]
fn two_standbys_take_over_one_after_the_other_and_a_transaction_fails() {
    let budget = Budget { failovers: 2, faults: 1, spool_checks: 1, ..Budget::NONE };
    visit(&[0], Takeover::Possible, budget, 5_000);
}

#[test]
fn a_standby_takes_over_a_replica_is_given_up_and_another_dies() {
    let budget = Budget { failovers: 1, kills: 1, fences: 1, spool_checks: 1, ..Budget::NONE };
    visit(&[0], Takeover::Possible, budget, 5_000);
}

#[test]
fn one_of_two_replicas_is_given_up_while_a_standby_takes_over() {
    let budget = Budget { failovers: 1, fences: 1, faults: 1, leaves: 1, ..Budget::NONE };
    visit(&[1], Takeover::Possible, budget, 10_000);
}

#[test]
fn one_of_two_replicas_dies_while_a_standby_takes_over() {
    let budget = Budget { failovers: 1, kills: 1, ..Budget::NONE };
    visit(&[1, 0], Takeover::Possible, budget, 10_000);
}

#[test]
fn a_record_is_refused_for_good_and_its_quarantine_fails_while_the_process_dies() {
    let budget =
        Budget { faults: 1, quarantine_faults: 2, kills: 1, spool_checks: 1, ..Budget::NONE };
    let mut world = world(&[0, 0], Takeover::Never, budget);
    world.store.poison_records.insert(request_id(0));
    let states = visit_all(world);
    println!("{states} states");
    assert!(states > 10_000, "only {states} states");
}
