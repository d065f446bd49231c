//! Nothing goes wrong any more: a world comes to rest, every process ends and begins once more, and
//! then what is kept is judged.

use ainfera_actors::capture::machine::{Input, Timer};

use crate::action::Action;
use crate::model_store::{Fault, Kept, boot};
use crate::owner::{Owner, Stage, Ticket};
use crate::world::{Replica, Standing, World};

/// More steps than any world here needs.
const MOST_STEPS: u32 = 20_000;

impl World {
    /// Everybody goes on until nothing is left to do, then all processes end and begin once more.
    pub fn come_to_rest(&mut self) {
        self.store.locked.clear();
        self.budget = crate::budget::Budget::NONE;
        self.rest();
        self.check_everybody_was_answered();
        for replica in 0..self.replicas.len() {
            self.check_spool_is_empty(replica);
            self.kill(replica);
            self.restart(replica);
            self.rest();
        }
    }

    pub fn rest(&mut self) {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < MOST_STEPS, "this world never comes to rest");
        }
    }

    /// One thing that is left to do. False when there is none.
    fn step(&mut self) -> bool {
        for replica in 0..self.replicas.len() {
            if self.step_replica(replica) {
                return true;
            }
        }
        for call in 0..self.owners.len() {
            let next = match self.owners[call].stage {
                Stage::Waiting(Some(_)) => Action::Listen(call),
                Stage::Working => Action::Close(call),
                _ => continue,
            };
            self.apply(next);
            return true;
        }
        false
    }

    fn step_replica(&mut self, replica: usize) -> bool {
        let place = &self.replicas[replica];
        if place.machine.is_none() {
            self.restart(replica);
            return true;
        }
        if !place.pending.is_empty() {
            self.apply(Action::Happen { replica, place: 0, fault: Fault::None });
            return true;
        }
        let is_once = |timer: &&Timer| **timer != Timer::SpoolCheck;
        if let Some(timer) = place.timers.keys().find(is_once).copied() {
            self.apply(Action::Fire { replica, timer });
            return true;
        }
        let is_fenced = self.store.is_fenced(boot(replica, place.life));
        let is_new = place.server_changes != self.server_changes(replica);
        if is_new || (is_fenced && place.standing == Standing::Serving) {
            self.apply(Action::Beat(replica));
            return true;
        }
        false
    }

    fn check_everybody_was_answered(&self) {
        assert!(self.tickets.is_empty(), "not answered: {:?}", self.tickets);
        for owner in &self.owners {
            let is_begun = owner.stage != Stage::NotBegun;
            assert!(
                !is_begun || owner.is_over(),
                "call {} is not over: {:?}",
                owner.call,
                owner.stage
            );
        }
    }

    fn check_spool_is_empty(&self, replica: usize) {
        assert!(self.replicas[replica].spool.is_empty(), "the spool holds what the store has");
    }

    /// After the rest: exactly one row for each call, and the money adds up.
    pub fn judge(&self) {
        let database = &self.store.database;
        for owner in &self.owners {
            let request_id = owner.request_id();
            let row = database.rows.get(&request_id);
            if self.store.ever_open.contains(&request_id) {
                let kept = row.map(|row| row.kept);
                let is_closed =
                    matches!(kept, Some(Kept::Closed | Kept::Lost | Kept::LostAndAdjusted));
                assert!(is_closed, "call {} was let in, and its row is {kept:?}", owner.call);
            }
            let Some(row) = row else { continue };
            let is_poison = self.store.poison_records.contains(&request_id);
            let is_told = owner.acknowledged || owner.quarantined;
            if is_poison && is_told && self.store.ever_open.contains(&request_id) {
                assert!(
                    self.store.quarantine.contains(&request_id),
                    "the refused record of call {} is not in quarantine: {owner:?}",
                    owner.call
                );
            }
            if owner.acknowledged && self.store.ever_open.contains(&request_id) && !is_poison {
                assert_eq!(
                    row.charged,
                    owner.cost(),
                    "call {} was said to be durable: {row:?}",
                    owner.call
                );
            }
            if row.kept == Kept::Lost {
                let is_explained = owner.stage == Stage::Dead || is_poison;
                assert!(is_explained, "call {} is lost without a cause: {owner:?}", owner.call);
            }
            if owner.quarantined && row.kept != Kept::Refused {
                assert!(is_poison, "call {} was refused without a cause", owner.call);
            }
        }
        assert_eq!(database.reserved, 0, "a reservation is left");
        let charged: i64 = database.rows.values().map(|row| row.charged).sum();
        assert_eq!(database.spent, charged, "the account and the rows differ");
    }

    /// What must be true at every moment.
    pub fn check(&self) {
        let database = &self.store.database;
        let reserved: i64 = database.rows.values().map(|row| row.reserved).sum();
        assert_eq!(database.reserved, reserved, "the account and the intents differ");
        let charged: i64 = database.rows.values().map(|row| row.charged).sum();
        assert_eq!(database.spent, charged, "the account and the rows differ");
    }
}

impl World {
    /// Whether nothing happens any more unless somebody wants it or something goes wrong.
    pub fn is_at_rest(&self) -> bool {
        let is_quiet = |owner: &Owner| owner.is_over() || owner.stage == Stage::NotBegun;
        let is_busy = |replica: &Replica| {
            let mut timers = replica.timers.keys();
            let is_news =
                replica.server_changes + replica.server_changes_before != self.store.server_changes;
            let waits = timers.any(|timer| *timer != Timer::SpoolCheck);
            replica.machine.is_none() || !replica.pending.is_empty() || waits || is_news
        };
        self.owners.iter().all(is_quiet) && !self.replicas.iter().any(is_busy)
    }

    /// What is left to do, for a failure.
    pub fn describe(&self) -> String {
        let open = self.owners.iter().filter(|owner| !owner.is_over());
        let open: Vec<_> = open.map(|owner| (owner.call, owner.replica, owner.stage)).collect();
        let replicas = self.replicas.iter();
        let replicas = replicas
            .map(|replica| (replica.life, replica.standing, &replica.pending, &replica.timers));
        let replicas: Vec<_> = replicas.collect();
        format!("calls {open:?}, lost {:?}, replicas {replicas:?}", self.lost)
    }

    /// A reader that missed a row is answered even where nothing waits.
    pub fn settle_everywhere(&mut self) {
        for replica in 0..self.replicas.len() {
            let waiter = Ticket::Settle(u32::MAX);
            if self.replicas[replica].machine.is_some() {
                self.ask(replica, waiter, Input::Settle { waiter });
            }
        }
    }
}
