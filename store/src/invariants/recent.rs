//! What must hold of what was written lately, of what is open, and of a few accounts in turn: the
//! cost does not grow with the history. Pure: a store reads a slice, all of it in one snapshot, and
//! this says what in it breaks which promise. The names are those of the whole questions.

mod rows;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use ainfera_schema::Usd;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::apply::chain::event_time;

use super::{DIRECT_CALL_HAS_NO_OUTCOME, Invariant, QUESTIONS};
pub use rows::{
    AccountRow, ClosedRow, EventRow, InferenceRow, IntentRow, OutcomeRow, Slice, TransferRow,
};

/// How many events a slice has, or a few more: those of one moment are not parted.
pub const EVENTS: u32 = 2_000;
/// How many accounts are looked at in turn with each slice.
pub const ACCOUNTS: u32 = 200;
/// How many of an account's newest transfers are looked at for the one that moved its own balance.
pub const TRANSFERS: u32 = 20;
/// A transaction that began earlier than this has been committed by now, or never will be. What is
/// younger is looked at again.
const LAG: SignedDuration = SignedDuration::from_secs(60);

/// How far a pass has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watermark {
    /// Events up to this moment were looked at, and no more come from then. None: from about now
    /// on.
    pub events_until: Option<String>,
    /// The account that was looked at last in turn. None: from the first one on.
    pub account: Option<Uuid>,
}

/// What a store reads for one slice.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Events after this moment.
    pub since: String,
    pub now: String,
    /// Calls that were admitted before this are too old.
    pub oldest_call: String,
    pub account: Option<Uuid>,
    settled: String,
}

impl Plan {
    pub fn new(mark: &Watermark, now: Timestamp, longest_call: Duration) -> Self {
        let before = |age: SignedDuration| {
            event_time(
                now.checked_sub(age).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH),
            )
        };
        let settled = before(LAG);
        Self {
            since: mark.events_until.clone().unwrap_or_else(|| settled.clone()),
            now: event_time(now),
            oldest_call: before(
                SignedDuration::try_from(longest_call).unwrap_or(SignedDuration::MAX),
            ),
            account: mark.account,
            settled,
        }
    }

    /// `until` is where the slice ended before now, because there was more. `turn` are the accounts
    /// that were looked at in turn.
    pub fn look(self, slice: &Slice, until: Option<String>, turn: &[Uuid]) -> RecentLook {
        let more = until.is_some();
        let events_until = Some(until.unwrap_or(self.settled));
        let account = if turn.len() < ACCOUNTS as usize { None } else { turn.last().copied() };
        RecentLook {
            invariants: slice.invariants(),
            next: Watermark { events_until, account },
            more,
            rows_read: slice.rows() + turn.len() as u64,
        }
    }
}

/// What one slice comes to.
#[derive(Debug, Clone)]
pub struct RecentLook {
    pub invariants: Vec<Invariant>,
    pub next: Watermark,
    /// There is more to look at now.
    pub more: bool,
    /// How many rows were read for it.
    pub rows_read: u64,
}

impl Slice {
    /// The calls that events tell of.
    pub fn request_ids(events: &[EventRow]) -> Vec<Uuid> {
        let mut ids: Vec<Uuid> = events.iter().filter_map(|event| event.request_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The chains that events are of, each with its first and its last number here.
    pub fn chains(events: &[EventRow]) -> BTreeMap<Uuid, (i64, i64)> {
        let mut chains: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        for event in events {
            let (first, last) = chains.entry(event.agent_id).or_insert((event.seq, event.seq));
            (*first, *last) = ((*first).min(event.seq), (*last).max(event.seq));
        }
        chains
    }

    pub fn rows(&self) -> u64 {
        let rows = self.events.len()
            + self.outcomes.len()
            + self.closed.len()
            + self.inferences.len()
            + self.transfers.len()
            + self.intents.len()
            + self.keys_in_flight.len()
            + self.accounts.iter().map(|account| 2 + account.newest_transfers.len()).sum::<usize>();
        rows as u64
    }

    /// One answer for each promise that can be looked at so.
    pub fn invariants(&self) -> Vec<Invariant> {
        let mut broken = Broken::default();
        self.calls(&mut broken);
        self.money(&mut broken);
        self.chains_hold(&mut broken);
        self.accounts_hold(&mut broken);
        self.open_calls(&mut broken);
        broken.answers()
    }

    fn calls(&self, broken: &mut Broken) {
        let outcomes: HashMap<Uuid, &OutcomeRow> =
            self.outcomes.iter().map(|row| (row.request_id, row)).collect();
        let closed: HashMap<Uuid, &ClosedRow> =
            self.closed.iter().map(|row| (row.request_id, row)).collect();
        let inferences: HashSet<Uuid> = self.inferences.iter().map(|row| row.request_id).collect();
        for request_id in Self::request_ids(&self.events) {
            let is_there = outcomes.contains_key(&request_id) || closed.contains_key(&request_id);
            broken.note_unless(is_there, "routed_inference_has_outcome", request_id);
        }
        for row in self.inferences.iter().filter(|row| row.kind == "routed") {
            let fits = outcomes.get(&row.request_id).is_some_and(|outcome| {
                outcome.inference_id == Some(row.inference_id) && outcome.status == row.status
            });
            broken.note_unless(fits, "routed_inference_has_outcome", row.request_id);
        }
        for row in self.outcomes.iter().filter(|row| row.inference_id.is_some()) {
            broken.note_unless(
                inferences.contains(&row.request_id),
                "outcome_has_inference",
                row.request_id,
            );
        }
        let direct =
            self.closed.iter().filter(|row| row.kind == "direct").map(|row| row.request_id);
        let direct = direct.chain(
            self.inferences.iter().filter(|row| row.kind == "direct").map(|row| row.request_id),
        );
        for request_id in direct.collect::<HashSet<_>>() {
            broken.note_unless(
                !outcomes.contains_key(&request_id),
                DIRECT_CALL_HAS_NO_OUTCOME,
                request_id,
            );
        }
        let is_over =
            |request_id| outcomes.contains_key(request_id) || closed.contains_key(request_id);
        for intent in self.intents.iter().filter(|intent| is_over(&intent.request_id)) {
            broken.note("open_call_is_not_closed", intent.request_id);
        }
        for request_id in &self.keys_in_flight {
            broken.note("key_in_flight_has_an_intent", *request_id);
        }
    }

    fn money(&self, broken: &mut Broken) {
        let mut posts: HashMap<Uuid, Vec<&TransferRow>> = HashMap::new();
        for transfer in self.transfers.iter().filter(|transfer| transfer.kind == "post") {
            posts.entry(transfer.request_id.unwrap_or_default()).or_default().push(transfer);
        }
        let outcomes = self.outcomes.iter().map(|row| (row.request_id, row.agent_id, row.cost));
        let closed = self.closed.iter().map(|row| (row.request_id, row.agent_id, row.cost));
        let inferences = self.inferences.iter().map(|row| (row.request_id, row.agent_id, row.cost));
        // a late close of a lost call is told here, and its charge was long ago
        let ended_here: HashSet<Uuid> = self
            .events
            .iter()
            .filter(|event| event.event_type == "inference.requested")
            .filter_map(|event| event.request_id)
            .collect();
        let charged =
            outcomes.chain(closed).chain(inferences).filter(|(_, _, cost)| *cost > Usd::ZERO);
        for (request_id, agent_id, cost) in
            charged.filter(|(request_id, _, _)| ended_here.contains(request_id))
        {
            let posted = posts.get(&request_id).map_or(&[][..], Vec::as_slice);
            let fits = matches!(
                posted,
                [transfer] if transfer.amount == cost && transfer.agent_id == agent_id
            );
            broken.note_unless(fits, "charge_is_posted", request_id);
        }
        let mut costs: HashSet<(Uuid, Usd)> =
            self.outcomes.iter().map(|row| (row.request_id, row.cost)).collect();
        costs.extend(self.closed.iter().map(|row| (row.request_id, row.cost)));
        for transfer in posts.values().flatten() {
            let fits = transfer
                .request_id
                .is_some_and(|request_id| costs.contains(&(request_id, transfer.amount)));
            broken.note_unless(fits, "post_has_a_call", transfer.transfer_id);
        }
        let mut lost: HashSet<Uuid> = self
            .outcomes
            .iter()
            .filter(|row| row.status == "lost")
            .map(|row| row.request_id)
            .collect();
        lost.extend(
            self.closed.iter().filter(|row| row.status == "lost").map(|row| row.request_id),
        );
        let mut adjusted = HashSet::new();
        for transfer in self.transfers.iter().filter(|transfer| transfer.kind == "adjust") {
            let request_id = transfer.request_id.unwrap_or_default();
            broken.note_unless(
                lost.contains(&request_id) && adjusted.insert(request_id),
                "adjust_is_of_a_lost_call",
                transfer.transfer_id,
            );
        }
    }

    fn chains_hold(&self, broken: &mut Broken) {
        let mut events: Vec<&EventRow> = self.events.iter().collect();
        events.sort_unstable_by_key(|event| (event.agent_id, event.seq));
        for pair in events.windows(2).filter(|pair| pair[0].agent_id == pair[1].agent_id) {
            let follows = pair[1].seq == pair[0].seq + 1
                && pair[1].previous_hash.as_ref() == Some(&pair[0].event_hash);
            broken.note_unless(follows, "audit_chain_is_contiguous", pair[1].agent_id);
        }
        let moves_money = |event: &&&EventRow| {
            matches!(
                event.event_type.as_str(),
                "ledger.debited" | "ledger.adjusted" | "wallet.topped_up"
            )
        };
        let told: HashSet<(Uuid, i64)> =
            events.iter().filter(moves_money).map(|event| (event.agent_id, event.seq)).collect();
        let moved: HashSet<(Uuid, i64)> =
            self.transfers.iter().map(|transfer| (transfer.agent_id, transfer.audit_seq)).collect();
        for transfer in &self.transfers {
            let is_told = told.contains(&(transfer.agent_id, transfer.audit_seq));
            broken.note_unless(is_told, "transfer_is_in_audit_chain", transfer.transfer_id);
        }
        for (agent_id, _) in told.difference(&moved) {
            broken.note("transfer_is_in_audit_chain", *agent_id);
        }
    }

    fn accounts_hold(&self, broken: &mut Broken) {
        let mut reserved: HashMap<Uuid, (Usd, Usd)> = HashMap::new();
        for intent in &self.intents {
            for (owner, is_own) in
                [(Some(intent.agent_id), !intent.pooled), (intent.tenant_id, intent.pooled)]
            {
                let Some(owner) = owner else { continue };
                let (own, elsewhere) = reserved.entry(owner).or_default();
                let sum = if is_own { own } else { elsewhere };
                *sum = sum.checked_add(intent.reservation).unwrap_or(*sum);
            }
        }
        for account in &self.accounts {
            let held = reserved.get(&account.owner).copied().unwrap_or_default();
            let name = if account.tenant_id.is_some() {
                "held_is_sum_of_intents"
            } else {
                "tenant_holds_are_those_of_its_agents"
            };
            broken.note_unless((account.held, account.held_elsewhere) == held, name, account.owner);
            let end =
                account.newest_event.as_ref().map_or((0, None), |(seq, hash)| (*seq, Some(hash)));
            let ends = end == (account.audit_seq, account.audit_head.as_ref());
            broken.note_unless(ends, "audit_chain_is_contiguous", account.owner);
            for beyond in account
                .newest_transfers
                .iter()
                .filter(|transfer| transfer.audit_seq > account.audit_seq)
            {
                broken.note("transfer_is_in_audit_chain", beyond.transfer_id);
            }
            if account.tenant_id.is_some() {
                account.balance_holds(broken);
            }
        }
    }

    fn open_calls(&self, broken: &mut Broken) {
        for intent in &self.intents {
            broken.note_unless(
                intent.boot_is_open,
                "intent_belongs_to_unclosed_boot",
                intent.request_id,
            );
            broken.note_unless(
                !intent.is_too_old,
                "intent_is_no_older_than_a_call",
                intent.request_id,
            );
        }
    }
}

impl AccountRow {
    /// Each transfer says what the balance was after it: the newest says what it is, and each what
    /// the one before it says, but for its amount.
    fn balance_holds(&self, broken: &mut Broken) {
        let wallet = format!("wallet:{}", self.owner);
        let is_own = |transfer: &&TransferRow| {
            transfer.debit_account == wallet || transfer.credit_account == wallet
        };
        let own: Vec<&TransferRow> = self.newest_transfers.iter().filter(is_own).collect();
        let is_whole = self.newest_transfers.len() < TRANSFERS as usize;
        let fits = match own.first() {
            Some(newest) => newest.balance_after == self.balance,
            None => !is_whole || self.balance == Usd::ZERO,
        };
        let linked = own.windows(2).all(|pair| {
            let moved = pair[0].amount;
            let after = match pair[0].credit_account == wallet {
                true => pair[1].balance_after.checked_add(moved),
                false => pair[1].balance_after.checked_sub(moved),
            };
            after.is_ok_and(|after| after == pair[0].balance_after)
        });
        broken.note_unless(fits && linked, "balance_is_sum_of_transfers", self.owner);
    }
}

/// Rows that break a promise, by its name.
#[derive(Default)]
struct Broken(BTreeMap<&'static str, (i64, Uuid)>);

/// The promises that a slice can tell something about. The others are for `ainfera doctor` alone.
pub const LOOKED_AT: &[&str] = &[
    "balance_is_sum_of_transfers",
    "held_is_sum_of_intents",
    "tenant_holds_are_those_of_its_agents",
    "routed_inference_has_outcome",
    "outcome_has_inference",
    "open_call_is_not_closed",
    DIRECT_CALL_HAS_NO_OUTCOME,
    "charge_is_posted",
    "post_has_a_call",
    "adjust_is_of_a_lost_call",
    "audit_chain_is_contiguous",
    "transfer_is_in_audit_chain",
    "intent_belongs_to_unclosed_boot",
    "intent_is_no_older_than_a_call",
    "key_in_flight_has_an_intent",
];

impl Broken {
    fn note(&mut self, name: &'static str, key: Uuid) {
        let (count, _) = self.0.entry(name).or_insert((0, key));
        *count += 1;
    }

    fn note_unless(&mut self, holds: bool, name: &'static str, key: Uuid) {
        if !holds {
            self.note(name, key);
        }
    }

    fn answers(self) -> Vec<Invariant> {
        let asked = QUESTIONS.iter().filter(|question| LOOKED_AT.contains(&question.name));
        let answer = |question: &super::Question| match self.0.get(question.name) {
            Some((count, key)) => question.answer(*count, Some(key.to_string())),
            None => question.answer(0, None),
        };
        asked.map(answer).collect()
    }
}
