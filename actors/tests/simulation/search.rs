//! Goes through every state that a small world can come to. Whatever must always hold is checked in
//! each; and each in which nothing happens any more is taken to its end and judged.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use crate::action::Action;
use crate::budget::Budget;
use crate::owner::Owner;
use crate::world::{Takeover, World};

/// How a world came to be, the last step first.
struct Path {
    action: Action,
    before: Option<Arc<Path>>,
}

/// One agent, one call for each entry: at that replica. The replicas serve already.
pub fn world(calls: &[usize], takeover: Takeover, budget: Budget) -> World {
    let owners = calls.iter().enumerate().map(|(call, replica)| Owner::new(call, 0, *replica));
    let replicas = calls.iter().max().map_or(1, |last| last + 1);
    let mut world = World::new(replicas, owners.collect(), takeover, Duration::ZERO, budget);
    world.rest();
    world
}

/// Returns how many states there are.
pub fn visit_all(world: World) -> usize {
    let mut seen = HashSet::new();
    let mut open: Vec<(World, Option<Arc<Path>>)> = vec![(world, None)];
    while let Some((world, path)) = open.pop() {
        for action in world.actions(0) {
            let next_path = Some(Arc::new(Path { action, before: path.clone() }));
            let mut next = world.clone();
            let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                next.apply(action);
                next.check();
                if !seen.insert(identity(&next)) {
                    return false;
                }
                if next.is_at_rest() {
                    let mut future = next.clone();
                    future.come_to_rest();
                    future.judge();
                }
                true
            }));
            match judged {
                Ok(true) => open.push((next, next_path)),
                Ok(false) => {}
                Err(_) => panic!("this history fails: {:?}", steps(next_path)),
            }
        }
    }
    seen.len()
}

fn identity(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

fn steps(mut path: Option<Arc<Path>>) -> Vec<Action> {
    let mut steps = Vec::new();
    while let Some(step) = path {
        steps.push(step.action);
        path = step.before.clone();
    }
    steps.reverse();
    steps
}
