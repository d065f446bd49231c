//! One history: a world in which a random number decides what happens next.

use std::time::Duration;

use ainfera_actors::capture::machine::Timer;

use crate::action::Action;
use crate::budget::Budget;
use crate::model_store::Fault;
use crate::owner::{Owner, Stage, agent_id};
use crate::random::Random;
use crate::totals::Totals;
use crate::world::{Pending, Standing, Takeover, World};

const CALLS: usize = 24;
/// Many times what a history needs.
const MOST_STEPS: u32 = 20_000;
/// A few, so that some calls of a batch get a lane of their own and others do not.
const AGENTS: usize = 3;
const SPOOL_AFTER: Duration = Duration::from_millis(80);

pub struct History {
    random: Random,
    world: World,
    /// How many in a hundred transactions go well.
    health: usize,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let health = 30 + random.below(70);
        let takeover = if random.percent(50) { Takeover::Possible } else { Takeover::Never };
        let replicas = if takeover == Takeover::Possible { 2 } else { 1 };
        let owners = (0..CALLS).map(|call| {
            let mut owner = Owner::new(call, call % AGENTS, random.below(replicas));
            // a few keys only, so that calls meet; a database that forgets calls forgets whose key
            // it is
            let has_key = takeover == Takeover::Never && random.percent(60);
            owner.key = has_key.then(|| random.next() as u8 % 4);
            owner
        });
        let owners = owners.collect::<Vec<_>>();
        let mut world = World::new(replicas, owners, takeover, SPOOL_AFTER, Budget::PLENTY);
        for owner in &world.owners {
            if random.percent(8) {
                world.store.poison.insert(owner.request_id());
            }
            if random.percent(15) {
                world.store.poison_records.insert(owner.request_id());
            }
            if random.percent(20) {
                world.store.unaffordable.insert(owner.request_id());
            }
        }
        Self { random, world, health }
    }

    pub fn run(mut self) -> Totals {
        let mut steps = 0;
        while self.world.owners.iter().any(|owner| !owner.is_over()) {
            steps += 1;
            assert!(
                steps < MOST_STEPS,
                "calls are left that nothing brings to an end: {}",
                self.world.describe()
            );
            let action = self.next();
            self.world.apply(action);
            self.world.check();
        }
        self.world.settle_everywhere();
        self.world.come_to_rest();
        self.world.judge();
        self.world.totals
    }

    fn next(&mut self) -> Action {
        let actions = self.world.actions(AGENTS);
        loop {
            let action = actions[self.random.below(actions.len())];
            let chance = self.chance(action);
            if self.random.percent(chance) {
                return action;
            }
        }
    }

    /// In how many of a hundred cases it happens when its turn comes.
    fn chance(&self, action: Action) -> usize {
        let is_starting =
            |replica: usize| self.world.replicas[replica].standing == Standing::Starting;
        match action {
            Action::Begin(call) => {
                let before = &self.world.owners[..call];
                let begun = before.iter().filter(|owner| owner.stage == Stage::NotBegun).count();
                if begun < 4 { 60 } else { 5 }
            }
            Action::Reject(_) => 8,
            Action::Leave(_) => 3,
            Action::Happen { replica, place, fault } if self.is_quarantine(replica, place) => {
                if fault == Fault::BeforeCommit {
                    90
                } else {
                    15
                }
            }
            // a boot begins only when all of its transactions go well
            Action::Happen { replica, fault, .. } if is_starting(replica) => {
                if fault == Fault::None { 60 } else { 3 }
            }
            Action::Happen { fault: Fault::None, .. } => self.health,
            Action::Happen { fault: Fault::LockIsGone, .. } => 5,
            Action::Happen { .. } => (100 - self.health) / 2 + 1,
            Action::Fire { timer: Timer::SpoolCheck, .. } => 8,
            Action::Fire { .. } => 60,
            Action::FailOver(_) | Action::Kill(_) | Action::Fence(_) => 2,
            Action::LockOrUnlock(agent) => {
                let is_locked = self.world.store.locked.contains(&agent_id(agent));
                if is_locked { 20 } else { 2 }
            }
            Action::Settle(_) | Action::Checkpoint(_) => 4,
            Action::Listen(_) | Action::Extend(_) | Action::Close(_) => 50,
            Action::Beat(_) | Action::Restart(_) => 20,
        }
    }

    fn is_quarantine(&self, replica: usize, place: usize) -> bool {
        let pending = &self.world.replicas[replica].pending[place];
        let is_replay = matches!(pending, Pending::OfferRefusedRecords | Pending::FinishReplay(_));
        is_replay || matches!(pending, Pending::Quarantine(_))
    }
}
