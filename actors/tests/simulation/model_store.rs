//! The naive model: what a database keeps, as maps. It shares no code with the real stores, and it
//! fails on purpose. Money is whole numbers.

use std::collections::{BTreeMap, BTreeSet};

use ainfera_schema::{AgentId, BootId, OutcomeStatus, RequestId, Usd};
use ainfera_store::{
    Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Earlier, Extended, Locks, Refusal,
    Sent, Verdict,
};

/// How many of its last commits a failover may lose.
pub const LOSABLE_COMMITS: usize = 3;

/// What is known of one call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub kept: Kept,
    pub boot_id: BootId,
    pub reserved: i64,
    pub charge_if_lost: i64,
    pub charged: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kept {
    Open,
    Closed,
    Lost,
    /// Closed as lost, and charged what it cost when its owner woke.
    LostAndAdjusted,
    Refused,
    Rejected,
}

/// What a standby has a copy of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Database {
    pub rows: BTreeMap<RequestId, Row>,
    /// Whose key it is. Never given back, which is stricter than a store is.
    keys: BTreeMap<[u8; 32], RequestId>,
    /// What the account says, changed with every row.
    pub reserved: i64,
    pub spent: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BootState {
    Open,
    Fenced,
}

#[derive(Debug, Clone, Default, Hash)]
pub struct ModelStore {
    pub database: Database,
    /// Boots, by replica. A boot is on every standby before it takes calls.
    boots: BTreeMap<BootId, (usize, BootState)>,
    /// What a standby may still lack, oldest first: the database before each of the last commits.
    before: Vec<Database>,
    pub server_changes: u64,
    /// Calls that a transaction of this store ever let in, closed or refused, whatever came after.
    pub ever_open: BTreeSet<RequestId>,
    pub ever_closed: BTreeSet<RequestId>,
    /// A batch that admits or rejects one of these fails for a reason of its own.
    pub poison: BTreeSet<RequestId>,
    /// The same for a batch that closes one.
    pub poison_records: BTreeSet<RequestId>,
    /// Records that were refused for good. A standby that lacks one is left out.
    pub quarantine: BTreeSet<RequestId>,
    /// The wallet has no room for these.
    pub unaffordable: BTreeSet<RequestId>,
    /// Whose accounts another transaction has locked.
    pub locked: BTreeSet<AgentId>,
}

/// How the transport of a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    None,
    BeforeCommit,
    AfterCommit,
    /// A lock is found, and is gone when it is looked for.
    LockIsGone,
    /// The disk is full.
    Full,
}

/// As a store's result, but such that it can be kept.
#[derive(Debug, Clone)]
pub enum Answer {
    Committed(CaptureReply),
    Unavailable,
    NotWritable,
    Refused,
    Locked(BTreeSet<AgentId>),
    /// Nothing was written: the batch was meant for the server before.
    AnotherServer,
}

impl ModelStore {
    /// One transaction.
    pub fn capture(&mut self, batch: &CaptureBatch, fault: Fault) -> Answer {
        let locked: BTreeSet<AgentId> =
            agents_of(batch).intersection(&self.locked).copied().collect();
        match (batch.locks, fault) {
            (Locks::Briefly, Fault::LockIsGone) => return Answer::Locked(BTreeSet::new()),
            (Locks::Briefly, _) if !locked.is_empty() => return Answer::Locked(locked),
            (Locks::Patiently, _) if !locked.is_empty() => return Answer::Unavailable,
            (Locks::Briefly | Locks::Patiently, _) => {}
        }
        let new =
            batch.admissions.iter().map(|admission| &admission.draft).chain(&batch.rejections);
        let mut closed = batch.closings.iter().map(|closing| closing.outcome.request_id);
        if new.map(|outcome| outcome.request_id).any(|request_id| self.poison.contains(&request_id))
            || closed.any(|request_id| self.poison_records.contains(&request_id))
        {
            return Answer::Refused;
        }
        match fault {
            Fault::None | Fault::LockIsGone => Answer::Committed(self.commit(batch)),
            Fault::BeforeCommit => Answer::Unavailable,
            Fault::Full => Answer::NotWritable,
            Fault::AfterCommit => {
                self.commit(batch);
                Answer::Unavailable
            }
        }
    }

    fn commit(&mut self, batch: &CaptureBatch) -> CaptureReply {
        self.remember();
        let mut reply = CaptureReply::default();
        let new =
            batch.admissions.iter().map(|admission| &admission.draft).chain(&batch.rejections);
        let known =
            new.filter(|outcome| self.database.rows.contains_key(&outcome.request_id)).count();
        assert!(
            batch.sent != Sent::Never || known == 0,
            "{known} calls of a batch that was never sent are known"
        );
        for extension in &batch.extensions {
            let extended = self.extend(extension.request_id, extension.reservation.nanos());
            reply.extended.push((extension.request_id, extended));
        }
        for admission in &batch.admissions {
            reply.verdicts.push((admission.draft.request_id, self.admit(admission, batch.sent)));
        }
        let (kept, boot_id) = (Kept::Rejected, boot(0, 0));
        let row = Row { kept, boot_id, reserved: 0, charge_if_lost: 0, charged: 0 };
        for outcome in &batch.rejections {
            self.database.rows.entry(outcome.request_id).or_insert(row.clone());
        }
        for refused in &batch.refusals {
            assert_eq!(batch.sent, Sent::ToldAgain, "only what is sent again was refused before");
            let row = Row { kept: Kept::Refused, ..row.clone() };
            self.database.rows.entry(refused.draft.request_id).or_insert(row);
        }
        for closing in &batch.closings {
            reply.closed.push((closing.outcome.request_id, self.close(closing)));
        }
        reply
    }

    fn admit(&mut self, admission: &Admission, sent: Sent) -> Verdict {
        let request_id = admission.draft.request_id;
        if let Some(claim) = &admission.idempotency
            && *self.database.keys.entry(claim.key_sha256).or_insert(request_id) != request_id
        {
            return Verdict::Duplicate(Earlier::InFlight);
        }
        let refused = || {
            Verdict::Refused(Refusal::Funds { available: Usd::ZERO, needed: admission.reservation })
        };
        if let Some(row) = self.database.rows.get(&request_id) {
            return if row.kept == Kept::Refused { refused() } else { Verdict::Admitted };
        }
        let is_asked = sent != Sent::ToldAgain;
        let is_refused = is_asked && self.unaffordable.contains(&request_id);
        let reserved = if is_refused { 0 } else { admission.reservation.nanos() };
        let kept = if is_refused { Kept::Refused } else { Kept::Open };
        let (boot_id, charge_if_lost) = (admission.boot_id, admission.charge_if_lost.nanos());
        self.database
            .rows
            .insert(request_id, Row { kept, boot_id, reserved, charge_if_lost, charged: 0 });
        self.database.reserved += reserved;
        if is_refused {
            return refused();
        }
        self.ever_open.insert(request_id);
        Verdict::Admitted
    }

    fn extend(&mut self, request_id: RequestId, reserved: i64) -> Extended {
        match self.database.rows.get_mut(&request_id) {
            Some(row) if row.kept == Kept::Open => {
                self.database.reserved += (reserved - row.reserved).max(0);
                row.reserved = row.reserved.max(reserved);
                Extended::Held
            }
            _ => Extended::NotOpen,
        }
    }

    fn close(&mut self, closing: &Closing) -> CloseResult {
        let request_id = closing.outcome.request_id;
        let cost = closing.outcome.cost_actual_usd.nanos();
        let Some(row) = self.database.rows.get_mut(&request_id) else {
            return CloseResult::Unknown;
        };
        let (kept, result) = match row.kept {
            Kept::Open if closing.outcome.status == Some(OutcomeStatus::Lost) => {
                (Kept::Lost, CloseResult::Closed)
            }
            Kept::Open => (Kept::Closed, CloseResult::Closed),
            Kept::Lost => (Kept::LostAndAdjusted, CloseResult::Adjusted),
            Kept::Closed | Kept::LostAndAdjusted => return CloseResult::AlreadyClosed,
            Kept::Refused | Kept::Rejected => return CloseResult::Unknown,
        };
        self.database.reserved -= row.reserved;
        self.database.spent += cost - row.charged;
        (row.kept, row.reserved, row.charged) = (kept, 0, cost);
        self.ever_closed.insert(request_id);
        result
    }

    /// Closes these calls as lost, as far as they are open.
    pub fn give_up(&mut self, request_ids: impl IntoIterator<Item = RequestId>) -> u64 {
        self.remember();
        let mut lost = 0;
        for request_id in request_ids {
            let Some(row) = self.database.rows.get_mut(&request_id) else { continue };
            if row.kept == Kept::Open {
                self.database.reserved -= row.reserved;
                self.database.spent += row.charge_if_lost;
                (row.kept, row.reserved, row.charged) = (Kept::Lost, 0, row.charge_if_lost);
                lost += 1;
            }
        }
        lost
    }

    /// A life of this replica begins: its earlier ones are over, and what they left open is lost.
    pub fn begin_boot(&mut self, boot_id: BootId, replica: usize) -> u64 {
        self.fence(|id, of| of == replica && id != boot_id);
        self.boots.insert(boot_id, (replica, BootState::Open));
        self.reap()
    }

    /// Gives up the boots of this replica, then closes what any fenced boot left open.
    pub fn reap_replica(&mut self, silent: usize) -> u64 {
        self.fence(|_, of| of == silent);
        self.reap()
    }

    pub fn is_fenced(&self, boot_id: BootId) -> bool {
        self.boots.get(&boot_id).is_none_or(|(_, state)| *state == BootState::Fenced)
    }

    fn fence(&mut self, is_meant: impl Fn(BootId, usize) -> bool) {
        for (boot_id, (replica, state)) in &mut self.boots {
            if is_meant(*boot_id, *replica) {
                *state = BootState::Fenced;
            }
        }
    }

    fn reap(&mut self) -> u64 {
        let rows = self.database.rows.iter().filter(|(_, row)| row.kept == Kept::Open);
        let orphans =
            rows.filter(|(_, row)| self.is_fenced(row.boot_id)).map(|(request_id, _)| *request_id);
        let orphans: Vec<RequestId> = orphans.collect();
        self.give_up(orphans)
    }

    fn remember(&mut self) {
        if self.before.len() == LOSABLE_COMMITS {
            self.before.remove(0);
        }
        self.before.push(self.database.clone());
    }

    /// How many commits a standby may lack.
    pub fn losable(&self) -> usize {
        self.before.len()
    }

    /// The standby has everything that was committed so far.
    pub fn standby_catches_up(&mut self) {
        self.before.clear();
    }

    /// A standby that lacks the last `commits` takes over. Returns what was lost with them.
    pub fn fail_over(&mut self, commits: usize) -> Vec<(RequestId, Row)> {
        let standby = self.before[self.before.len() - commits].clone();
        let primary = std::mem::replace(&mut self.database, standby);
        self.before.clear();
        self.server_changes += 1;
        let rows = primary.rows.into_iter();
        rows.filter(|(request_id, row)| self.database.rows.get(request_id) != Some(row)).collect()
    }
}

pub fn boot(replica: usize, life: u32) -> BootId {
    BootId(uuid::Uuid::from_u128((replica as u128) << 64 | u128::from(life)))
}

fn agents_of(batch: &CaptureBatch) -> BTreeSet<AgentId> {
    let drafts = batch.admissions.iter().map(|admission| admission.draft.agent_id);
    let rejected = batch.rejections.iter().map(|outcome| outcome.agent_id);
    let extended = batch.extensions.iter().map(|extension| extension.agent_id);
    let closed = batch.closings.iter().map(|closing| closing.outcome.agent_id);
    let refused = batch.refusals.iter().map(|refused| refused.draft.agent_id);
    drafts.chain(rejected).chain(refused).chain(extended).chain(closed).collect()
}
