//! What may happen next in a world, and what it does.

use ainfera_actors::capture::machine::{Input, Lane, Timer};
use ainfera_schema::OutcomeStatus;
use ainfera_store::Locks;

use crate::model_store::{Fault, Kept, boot};
use crate::owner::{Extension, ProviderEvent, Stage, Ticket, agent_id};
use crate::world::{Pending, Standing, Takeover, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The call asks to be let in.
    Begin(usize),
    /// The router rejects it.
    Reject(usize),
    /// The owner listens to the answer.
    Listen(usize),
    /// It leaves without listening.
    Leave(usize),
    Extend(usize),
    Close(usize),
    /// What was begun happens: a transaction at the store, a write of a file.
    Happen {
        replica: usize,
        place: usize,
        fault: Fault,
    },
    Fire {
        replica: usize,
        timer: Timer,
    },
    /// The replica's heartbeat: it hears whether it was given up and which server answers.
    Beat(usize),
    /// Another replica gives this one up.
    Fence(usize),
    Kill(usize),
    Restart(usize),
    /// A standby that lacks so many commits takes over.
    FailOver(usize),
    /// Another transaction takes an account, or gives it back.
    LockOrUnlock(usize),
    Settle(usize),
    Checkpoint(usize),
}

impl World {
    /// Everything that may happen now.
    pub fn actions(&self, agents: usize) -> Vec<Action> {
        let mut actions = Vec::new();
        for owner in &self.owners {
            self.actions_of_owner(owner.call, &mut actions);
        }
        for replica in 0..self.replicas.len() {
            self.actions_of_replica(replica, &mut actions);
        }
        let may_fail_over = self.takeover == Takeover::Possible
            && self.budget.failovers > 0
            && self.lost.is_empty();
        if may_fail_over {
            actions.extend((1..=self.store.losable()).map(Action::FailOver));
        }
        for agent in 0..agents {
            if self.budget.locks > 0 || self.store.locked.contains(&agent_id(agent)) {
                actions.push(Action::LockOrUnlock(agent));
            }
        }
        actions
    }

    fn actions_of_owner(&self, call: usize, actions: &mut Vec<Action>) {
        let owner = &self.owners[call];
        match owner.stage {
            Stage::NotBegun if self.replicas[owner.replica].standing == Standing::Serving => {
                actions.push(Action::Begin(call));
                if self.budget.settles > 0 {
                    actions.push(Action::Reject(call));
                }
            }
            Stage::Waiting(heard) => {
                actions.extend(heard.map(|_| Action::Listen(call)));
                actions.extend((self.budget.leaves > 0).then_some(Action::Leave(call)));
            }
            Stage::Working => {
                actions.push(Action::Close(call));
                if owner.extension == Extension::None && self.budget.extensions > 0 {
                    actions.push(Action::Extend(call));
                }
            }
            Stage::NotBegun | Stage::Rejected | Stage::Recorded | Stage::Over | Stage::Dead => {}
        }
    }

    fn actions_of_replica(&self, replica: usize, actions: &mut Vec<Action>) {
        let place = &self.replicas[replica];
        if place.machine.is_none() {
            return actions.push(Action::Restart(replica));
        }
        let may_end = !self.is_needed_for_what_was_lost(replica);
        for (at, pending) in place.pending.iter().enumerate() {
            let happen = |fault| Action::Happen { replica, place: at, fault };
            actions.push(happen(Fault::None));
            let has_fault = match pending {
                // a start that fails ends the process
                Pending::Commit { lane: Lane::Replay, .. } | Pending::BeginBoot(_) => {
                    self.budget.faults > 0 && may_end
                }
                Pending::Commit { .. } => self.budget.faults > 0,
                Pending::Quarantine(_) | Pending::OfferRefusedRecords => {
                    self.budget.quarantine_faults > 0
                }
                Pending::FinishReplay(refused) => {
                    self.budget.quarantine_faults > 0 && !refused.is_empty()
                }
                Pending::Append(_) => self.budget.spool_faults > 0,
                _ => false,
            };
            if has_fault {
                actions.push(happen(Fault::BeforeCommit));
            }
            if let (true, Pending::Quarantine(_)) = (has_fault, pending) {
                actions.push(happen(Fault::AfterCommit));
            }
            if let (true, Pending::Commit { rows, .. }) = (has_fault, pending) {
                actions.push(happen(Fault::AfterCommit));
                if self.budget.locks > 0 {
                    actions.push(happen(Fault::Full));
                    actions.extend(
                        (rows.locks == Locks::Briefly).then_some(happen(Fault::LockIsGone)),
                    );
                }
            }
        }
        let may_fire =
            |timer: &&Timer| **timer != Timer::SpoolCheck || self.budget.spool_checks > 0;
        let timers = place.timers.keys().filter(may_fire);
        actions.extend(timers.map(|timer| Action::Fire { replica, timer: *timer }));
        if self.hears_news(replica) {
            actions.push(Action::Beat(replica));
        }
        if place.standing == Standing::GateClosed && self.is_drained(replica) {
            actions.push(Action::Restart(replica));
        }
        if place.standing == Standing::Serving {
            actions.extend((self.budget.fences > 0).then_some(Action::Fence(replica)));
            actions.extend((self.budget.settles > 0).then_some(Action::Settle(replica)));
            actions.extend((self.budget.checkpoints > 0).then_some(Action::Checkpoint(replica)));
        }
        if self.budget.kills > 0 && may_end {
            actions.push(Action::Kill(replica));
        }
    }

    /// Whether a process that takes no new calls has nothing left to do, and ends.
    fn is_drained(&self, replica: usize) -> bool {
        let owners = self.owners.iter().filter(|owner| owner.replica == replica);
        let mut at_work = owners.filter(|owner| owner.stage != Stage::NotBegun && !owner.is_over());
        at_work.next().is_none() && !self.is_needed_for_what_was_lost(replica)
    }

    /// Whether a heartbeat would tell it something that it does not know.
    fn hears_news(&self, replica: usize) -> bool {
        let place = &self.replicas[replica];
        let is_new = self.takeover == Takeover::Possible
            && place.server_changes != self.server_changes(replica);
        let is_fenced = self.store.is_fenced(boot(replica, place.life));
        is_new || (place.standing == Standing::Serving && is_fenced)
    }

    pub fn apply(&mut self, action: Action) {
        match action {
            Action::Begin(call) => self.begin(call),
            Action::Reject(call) => self.reject(call),
            Action::Listen(call) => self.listen(call),
            Action::Leave(call) => {
                self.budget.leaves -= 1;
                self.totals.left_early += 1;
                self.owners[call].status = OutcomeStatus::ClientGone;
                self.record(call);
            }
            Action::Extend(call) => {
                self.budget.extensions -= 1;
                self.totals.extended += 1;
                self.owners[call].extension = Extension::Asked;
                let (replica, extension) =
                    (self.owners[call].replica, self.owners[call].extension());
                let waiter = Ticket::Extension(call);
                self.ask(replica, waiter, Input::Extend { extension, waiter });
            }
            Action::Close(call) => self.record(call),
            Action::Happen { replica, place, fault } => self.happen(replica, place, fault),
            Action::Fire { replica, timer } => {
                self.budget.spool_checks -= u32::from(timer == Timer::SpoolCheck);
                let due = self.replicas[replica].timers.remove(&timer).unwrap();
                // where nothing is ever late, time stands still, and states come again
                self.now = if self.spool_after.is_zero() { self.now } else { self.now.max(due) };
                self.tell(replica, Input::Timer(timer));
            }
            Action::Beat(replica) => self.beat(replica),
            Action::Fence(replica) => {
                self.budget.fences -= 1;
                self.totals.fenced += 1;
                self.totals.reaped += self.store.reap_replica(replica);
            }
            Action::Kill(replica) => {
                self.budget.kills -= 1;
                self.totals.killed += 1;
                self.kill(replica);
            }
            Action::Restart(replica) => {
                self.kill(replica);
                self.restart(replica);
            }
            Action::FailOver(commits) => self.fail_over(commits),
            Action::LockOrUnlock(agent) => {
                if !self.store.locked.remove(&agent_id(agent)) {
                    self.budget.locks -= 1;
                    self.store.locked.insert(agent_id(agent));
                }
            }
            Action::Settle(replica) => {
                self.budget.settles -= 1;
                self.replicas[replica].settles += 1;
                let waiter = Ticket::Settle(self.replicas[replica].settles);
                self.ask(replica, waiter, Input::Settle { waiter });
            }
            Action::Checkpoint(replica) => {
                self.budget.checkpoints -= 1;
                self.tell(replica, Input::CheckpointDue);
            }
        }
    }

    fn begin(&mut self, call: usize) {
        let owner = &mut self.owners[call];
        owner.life = self.replicas[owner.replica].life;
        owner.stage = Stage::Waiting(None);
        let (replica, admission, waiter) =
            (owner.replica, owner.admission(), Ticket::Admission(call));
        self.ask(replica, waiter, Input::Admit { admission, waiter });
    }

    fn reject(&mut self, call: usize) {
        let owner = &mut self.owners[call];
        owner.life = self.replicas[owner.replica].life;
        owner.stage = Stage::Rejected;
        let (replica, outcome, waiter) =
            (owner.replica, owner.rejection(), Ticket::Rejection(call));
        self.ask(replica, waiter, Input::Reject { outcome, waiter });
    }

    fn listen(&mut self, call: usize) {
        let Stage::Waiting(Some(heard)) = self.owners[call].stage else { return };
        let totals = &mut self.totals;
        match heard {
            ProviderEvent::Admitted => {
                totals.admitted += 1;
                self.owners[call].stage = Stage::Working;
            }
            ProviderEvent::InDoubt => {
                totals.doubted += 1;
                self.owners[call].status = OutcomeStatus::FailedOther;
                self.record(call);
            }
            ProviderEvent::Refused => totals.refused += 1,
            ProviderEvent::Duplicate => totals.duplicates += 1,
            ProviderEvent::NotIn => totals.turned_away += 1,
        }
        if matches!(heard, ProviderEvent::Refused | ProviderEvent::Duplicate | ProviderEvent::NotIn)
        {
            self.owners[call].stage = Stage::Over;
        }
    }

    fn record(&mut self, call: usize) {
        let owner = &mut self.owners[call];
        owner.stage = Stage::Recorded;
        let (replica, closing, awaited) = (owner.replica, owner.closing(), owner.awaited());
        let waiter = Ticket::Record(call);
        self.ask(replica, waiter, Input::Record { closing, waiter, awaited });
    }

    fn beat(&mut self, replica: usize) {
        let changes = self.server_changes(replica);
        let place = &mut self.replicas[replica];
        place.server_changes = changes;
        if self.store.is_fenced(boot(replica, place.life)) && place.standing == Standing::Serving {
            place.standing = Standing::GateClosed;
            self.tell(replica, Input::GateClosed);
        }
        if self.takeover == Takeover::Possible {
            self.tell(replica, Input::ServerSeen { changes });
        }
    }

    fn fail_over(&mut self, commits: usize) {
        self.budget.failovers -= 1;
        self.totals.failed_over += 1;
        for (request_id, row) in self.store.fail_over(commits) {
            self.totals.lost_commits += 1;
            if row.kept == Kept::Lost && self.store.database.rows.contains_key(&request_id) {
                // a reaper's work is done again by the next one
                continue;
            }
            let call = usize::try_from(request_id.0.as_u128()).unwrap();
            self.lost.insert(request_id, (self.owners[call].replica, row));
        }
    }
}
