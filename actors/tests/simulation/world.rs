//! Replicas with real machines, the model store between them, and the owners of calls. Nothing
//! here decides anything of what is tested: effects are kept until the world lets them happen.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use ainfera_actors::capture::machine::{
    CallEvent, CaptureMachine, Effect, Input, Lane, LogEvent, Metric, SpoolName, Timer,
};
use ainfera_schema::{BootId, RequestId};
use ainfera_store::CaptureBatch;

use crate::budget::Budget;
use crate::model_store::{Answer, Kept, ModelStore, Row, boot};
use crate::owner::{Owner, Stage, Ticket};
use crate::totals::Totals;

#[derive(Clone)]
pub struct World {
    pub store: ModelStore,
    pub replicas: Vec<Replica>,
    pub owners: Vec<Owner>,
    pub takeover: Takeover,
    /// After how long a record is spooled.
    pub spool_after: Duration,
    pub now: Duration,
    /// Who waits for a reply, and from which replica.
    pub tickets: BTreeSet<(usize, Ticket)>,
    /// What a failover lost and nobody wrote again yet, with the replica that remembers it.
    pub lost: BTreeMap<RequestId, (usize, Row)>,
    /// Calls whose record was ever on a disk.
    pub ever_spooled: BTreeSet<RequestId>,
    pub budget: Budget,
    /// Figures, which change nothing.
    pub totals: Totals,
}

/// Whether a standby may take the database over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takeover {
    Never,
    Possible,
}

/// A process, or the place where one ran.
#[derive(Clone, Hash)]
pub struct Replica {
    pub machine: Option<CaptureMachine<Ticket>>,
    pub life: u32,
    pub standing: Standing,
    /// Effects that were begun and whose end nobody knows yet.
    pub pending: Vec<Pending>,
    pub timers: BTreeMap<Timer, Duration>,
    /// The spool's file.
    pub spool: Vec<u8>,
    /// The file beside it, with records that no quarantine took.
    pub refused: BTreeSet<RequestId>,
    /// How many changes of the server it was told.
    pub server_changes: u64,
    /// How many there were before it began.
    pub server_changes_before: u64,
    pub settles: u32,
    /// The gauge `store_away`.
    store_away: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Its boot has not begun.
    Starting,
    Serving,
    /// No new calls.
    GateClosed,
}

#[derive(Debug, Clone)]
pub enum Pending {
    Commit {
        lane: Lane,
        rows: Arc<CaptureBatch>,
    },
    /// The transaction is over, and the machine has not heard of it yet.
    Answer {
        lane: Lane,
        answer: Answer,
    },
    Append(Vec<u8>),
    Clear,
    Quarantine(RequestId),
    Checkpoint,
    ReadSpool(SpoolName),
    OfferRefusedRecords,
    FinishReplay(Vec<RequestId>),
    BeginBoot(BootId),
}

impl World {
    pub fn new(
        replicas: usize,
        owners: Vec<Owner>,
        takeover: Takeover,
        spool_after: Duration,
        budget: Budget,
    ) -> Self {
        let mut world = Self {
            store: ModelStore::default(),
            replicas: (0..replicas).map(|_| Replica::default()).collect(),
            owners,
            takeover,
            spool_after,
            now: Duration::ZERO,
            tickets: BTreeSet::new(),
            lost: BTreeMap::new(),
            ever_spooled: BTreeSet::new(),
            budget,
            totals: Totals::default(),
        };
        (0..replicas).for_each(|replica| world.restart(replica));
        world
    }

    /// A new process in this place.
    pub fn restart(&mut self, replica: usize) {
        let place = &mut self.replicas[replica];
        let spool = std::mem::take(&mut place.spool);
        let refused = std::mem::take(&mut place.refused);
        let server_changes_before = self.store.server_changes;
        let life = place.life + 1;
        *place = Replica { life, spool, refused, server_changes_before, ..Replica::default() };
        let (mut machine, mut effects) = (CaptureMachine::default(), Vec::new());
        machine.use_spool(self.spool_after, &mut effects);
        if self.takeover == Takeover::Possible {
            machine.use_journal();
        }
        machine.use_checkpoints(ainfera_actors::capture::machine::CheckpointFiles::None);
        place.machine = Some(machine);
        let boot_id = boot(replica, place.life);
        effects.into_iter().for_each(|effect| self.perform(replica, effect));
        self.tickets.insert((replica, Ticket::Start));
        let (spools, waiter) = (vec![SpoolName::Own], Ticket::Start);
        self.tell(replica, Input::StartBoot { boot_id, replica: String::new(), spools, waiter });
    }

    /// The process dies: its file is left, its owners die with it. A standby that lags takes over,
    /// or a process dies: not both within a moment.
    pub fn kill(&mut self, replica: usize) {
        self.store.standby_catches_up();
        let place = &mut self.replicas[replica];
        let life = place.life;
        place.machine = None;
        place.pending.clear();
        place.timers.clear();
        self.tickets.retain(|(of, _)| *of != replica);
        for owner in &mut self.owners {
            let is_its = owner.replica == replica && owner.life == life;
            if is_its && owner.stage != Stage::NotBegun && !owner.is_over() {
                owner.stage = Stage::Dead;
            }
        }
    }

    pub fn tell(&mut self, replica: usize, input: Input<Ticket>) {
        let Some(machine) = &mut self.replicas[replica].machine else { return };
        let mut effects = Vec::new();
        machine.on(input, self.now, &mut effects);
        for effect in effects {
            // a start that failed has ended the process
            if self.replicas[replica].machine.is_some() {
                self.perform(replica, effect);
            }
        }
    }

    /// Tells the machine of something that somebody waits for.
    pub fn ask(&mut self, replica: usize, ticket: Ticket, input: Input<Ticket>) {
        assert!(self.tickets.insert((replica, ticket)), "{ticket:?} is asked twice");
        let place = &self.replicas[replica];
        let is_away = place.machine.is_some() && place.store_away == 1;
        self.tell(replica, input);
        let asks = !matches!(ticket, Ticket::Record(_) | Ticket::Settle(_));
        let waits = asks && self.tickets.contains(&(replica, ticket));
        assert!(!is_away || !waits, "{ticket:?} waits for a store that is away");
    }

    fn perform(&mut self, replica: usize, effect: Effect<Ticket>) {
        let place = &mut self.replicas[replica];
        match effect {
            Effect::Reply(ticket, reply) => self.replied(replica, ticket, reply),
            Effect::Commit { lane, rows } => {
                let is_taken = |pending: &Pending| match pending {
                    Pending::Commit { lane: other, .. } | Pending::Answer { lane: other, .. } => {
                        *other == lane
                    }
                    _ => false,
                };
                assert!(
                    !place.pending.iter().any(is_taken),
                    "two transactions of {lane:?} at once"
                );
                place.pending.push(Pending::Commit { lane, rows });
            }
            Effect::Start { timer, after } => {
                let is_new = place.timers.insert(timer, self.now + after).is_none();
                assert!(is_new, "{timer:?} runs already");
            }
            Effect::AppendToSpool { lines } => place.pending.push(Pending::Append(lines)),
            Effect::ClearSpool => place.pending.push(Pending::Clear),
            Effect::Quarantine { record } => {
                place.pending.push(Pending::Quarantine(record.closing.outcome.request_id));
            }
            Effect::Checkpoint => place.pending.push(Pending::Checkpoint),
            Effect::ReadSpool(spool) => place.pending.push(Pending::ReadSpool(spool)),
            Effect::OfferRefusedRecords { .. } => {
                place.pending.push(Pending::OfferRefusedRecords);
            }
            Effect::FinishReplay { refused, .. } => {
                let refused = refused.iter().map(|record| record.closing.outcome.request_id);
                place.pending.push(Pending::FinishReplay(refused.collect()));
            }
            Effect::BeginBoot { boot_id, .. } => place.pending.push(Pending::BeginBoot(boot_id)),
            Effect::Count(metric) => self.counted(replica, metric),
            Effect::Log(LogEvent::ServerChanged { .. }) => self.totals.resent += 1,
            Effect::Log(LogEvent::Call { event: CallEvent::Adjusted, .. }) => {
                self.totals.adjusted += 1
            }
            Effect::Log(_) | Effect::AuditIsWhole => {}
            Effect::WriteCheckpointFiles | Effect::AuditIsParted => panic!("there is no file"),
            Effect::Reap { .. } => panic!("nobody asked for a reaper"),
        }
    }

    fn counted(&mut self, replica: usize, metric: Metric) {
        match metric {
            Metric::DispatchWithoutCapture => {
                panic!("a false alarm: every call here is admitted first")
            }
            Metric::Panic => panic!("the machine panicked"),
            Metric::StoreAway => self.replicas[replica].store_away += 1,
            Metric::StoreBack => self.replicas[replica].store_away -= 1,
            _ => {}
        }
        assert!(
            (0..=1).contains(&self.replicas[replica].store_away),
            "the gauge of the store is wrong"
        );
    }

    /// How often another server answered since this replica began.
    pub fn server_changes(&self, replica: usize) -> u64 {
        self.store.server_changes - self.replicas[replica].server_changes_before
    }

    /// Whether nobody but this replica knows what a failover lost.
    pub fn is_needed_for_what_was_lost(&self, replica: usize) -> bool {
        self.lost.values().any(|(of, _)| *of == replica)
    }

    /// Forgets what was lost and is there again.
    pub fn note_what_is_back(&mut self) {
        let rows = &self.store.database.rows;
        self.lost.retain(|request_id, (_, row)| match rows.get(request_id) {
            None => true,
            // what it cost is put right when its record comes again
            Some(found) => {
                !matches!(row.kept, Kept::Open | Kept::Lost) && found.charged != row.charged
            }
        });
    }
}

impl Default for Replica {
    fn default() -> Self {
        Self {
            machine: None,
            life: 0,
            standing: Standing::Starting,
            pending: Vec::new(),
            timers: BTreeMap::new(),
            spool: Vec::new(),
            refused: BTreeSet::new(),
            server_changes: 0,
            server_changes_before: 0,
            settles: 0,
            store_away: 0,
        }
    }
}

impl Hash for Pending {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Pending::Commit { lane, rows } => {
                lane.hash(state);
                rows.request_ids().for_each(|request_id| request_id.hash(state));
                (rows.admissions.len(), rows.closings.len(), rows.extensions.len()).hash(state);
                format!("{:?}{:?}", rows.sent, rows.locks).hash(state);
            }
            Pending::Answer { lane, answer } => (lane, format!("{answer:?}")).hash(state),
            Pending::Append(lines) => lines.hash(state),
            Pending::Quarantine(request_id) => request_id.hash(state),
            Pending::FinishReplay(refused) => refused.hash(state),
            Pending::BeginBoot(boot_id) => boot_id.hash(state),
            Pending::ReadSpool(_)
            | Pending::OfferRefusedRecords
            | Pending::Clear
            | Pending::Checkpoint => {}
        }
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.store, &self.replicas, &self.owners, self.now, &self.tickets).hash(state);
        (&self.lost, &self.ever_spooled, &self.budget).hash(state);
    }
}
