//! Finds out whether an audit log was tampered with, and how. Pure: it is fed records in order, in
//! one pass, and remembers of each chain only its end.
//!
//! [`examine`] looks at one record by itself; [`Verifier`] looks at how the records follow each
//! other. docs/audit.md says what each class means.

mod ending;
pub mod outside;
pub mod record;
pub mod track;

use std::collections::HashMap;

use ainfera_schema::audit::hex;
use ainfera_schema::audit_break::AuditBreak;
use ainfera_schema::checkpoint::{Checkpoint, CheckpointFault};
use ainfera_schema::merkle::HeadTree;
use serde::Serialize;

pub use outside::Outside;
use outside::OutsideLog;
pub use record::{ChainEvent, Examined, Record, examine, examine_line};
use track::{Place, Track};

/// How a log was tampered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TamperClass {
    Mutated,
    Deleted,
    Inserted,
    Reordered,
    Truncated,
    Fork,
    WrongKey,
    BadSignature,
}

impl TamperClass {
    /// What `ainfera audit verify` exits with.
    pub fn exit_code(self) -> u8 {
        match self {
            TamperClass::Mutated => 10,
            TamperClass::Deleted => 11,
            TamperClass::Inserted => 12,
            TamperClass::Reordered => 13,
            TamperClass::Truncated => 14,
            TamperClass::Fork => 15,
            TamperClass::WrongKey => 16,
            TamperClass::BadSignature => 17,
        }
    }
}

/// One thing that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub class: TamperClass,
    /// Which record of the log, from 1.
    pub record: u64,
    /// None: the checkpoints themselves.
    pub agent_id: Option<String>,
    pub detail: &'static str,
}

/// What a whole pass found. `findings` are in the order of the log; the first one names the class.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub valid: bool,
    pub events: u64,
    pub checkpoints: u64,
    pub chains: u64,
    /// Events that no checkpoint covers yet.
    pub unsigned_events: i64,
    pub public_key: Option<String>,
    /// Declared breaks: checkpoints and events that are missing and said to be so.
    pub breaks: Vec<AuditBreak>,
    pub findings: Vec<Finding>,
}

/// What is compared with the checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Every chain that a checkpoint names must be in the log.
    #[default]
    AllChains,
    /// Only chains of which there is an event: for the log of one agent.
    PresentChains,
}

/// What a chain's end is held against.
#[derive(Debug, Clone, Default)]
enum Signed {
    #[default]
    Met,
    /// The checkpoint at this record names a later event.
    Behind(u64),
    /// The checkpoint names this hash for the event that the chain ends with.
    Diverged(u64, String),
}

#[derive(Debug, Clone, Default)]
struct Chain {
    track: Track,
    signed: Signed,
    signed_seq: i64,
    finding: Option<(u64, TamperClass, &'static str)>,
}

/// See the module.
pub struct Verifier {
    scope: Scope,
    trusted: Vec<String>,
    chains: HashMap<String, Chain>,
    log: Track,
    tree: HeadTree,
    /// The tree has missed a checkpoint: its root says nothing any more.
    tree_is_whole: bool,
    findings: Vec<Finding>,
    outside: Vec<OutsideLog>,
    breaks: Vec<AuditBreak>,
    records: u64,
    events: u64,
    checkpoints: u64,
}

impl Verifier {
    /// `trusted` are public keys in hex; without any, the first checkpoint's key is taken as the
    /// log's.
    pub fn new(
        scope: Scope,
        trusted: Vec<String>,
        outside: impl IntoIterator<Item = Outside>,
    ) -> Self {
        Self {
            scope,
            trusted,
            chains: HashMap::new(),
            log: Track::default(),
            tree: HeadTree::default(),
            tree_is_whole: true,
            findings: Vec::new(),
            outside: outside.into_iter().map(OutsideLog::new).collect(),
            breaks: Vec::new(),
            records: 0,
            events: 0,
            checkpoints: 0,
        }
    }

    /// Takes the next record.
    pub fn take(&mut self, examined: &Examined) {
        self.records += 1;
        match examined {
            Examined::Event { event, fault } => self.event(event, *fault),
            Examined::Checkpoint(checkpoint) => self.checkpoint(checkpoint),
            Examined::Break(declared) => self.declared(declared),
            Examined::Unreadable(detail) => self.log_finding(TamperClass::Mutated, detail),
        }
    }

    /// A chain is known from elsewhere to go at least this far.
    pub fn expect_head(&mut self, agent_id: &str, seq: i64, event_hash: &str) {
        if seq == 0 {
            return;
        }
        let record = self.records + 1;
        let chain = self.chains.entry(agent_id.to_owned()).or_default();
        if chain.finding.is_some() || chain.track.is_doubtful() {
            return;
        }
        if chain.track.seq < seq {
            chain.finding =
                Some((record, TamperClass::Truncated, "chain ends before its account's head"));
        } else if chain.track.seq == seq && chain.track.hash != event_hash {
            chain.finding =
                Some((record, TamperClass::Fork, "chain does not end as its account says"));
        }
    }

    /// How far a chain was followed.
    pub fn seq_of(&self, agent_id: &str) -> i64 {
        self.chains.get(agent_id).map_or(0, |chain| chain.track.seq)
    }

    fn event(&mut self, event: &ChainEvent, fault: Option<&'static str>) {
        self.events += 1;
        let record = self.records;
        if !self.chains.contains_key(&event.agent_id) {
            self.chains.insert(event.agent_id.clone(), Chain::default());
        }
        let Some(chain) =
            self.chains.get_mut(&event.agent_id).filter(|chain| chain.finding.is_none())
        else {
            return;
        };
        if let Some(detail) = fault {
            chain.finding = Some((record, TamperClass::Mutated, detail));
            return;
        }
        if let Signed::Diverged(at, signed_hash) = &chain.signed {
            // what follows says which history goes on: the signed one, of which one event was
            // rewritten, or another
            chain.finding = Some(match event.previous_hash.as_ref() == Some(signed_hash) {
                true => (*at, TamperClass::Mutated, "event was rewritten with a hash of its own"),
                false => (*at, TamperClass::Fork, "chain is not the one that was signed"),
            });
            return;
        }
        let place =
            chain.track.take(record, event.seq, event.previous_hash.as_deref(), &event.event_hash);
        match (place, &chain.signed) {
            (Place::Found(at, class), _) => {
                chain.finding = Some((at, class, "events do not follow each other"))
            }
            (Place::Next, Signed::Behind(at)) => {
                chain.finding = Some((
                    *at,
                    TamperClass::Reordered,
                    "event comes after the checkpoint that covers it",
                ));
            }
            (Place::Other, Signed::Behind(_)) => chain.signed = Signed::Met,
            (Place::Next | Place::Other, _) => {}
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.checkpoints += 1;
        if self.trusted.is_empty() {
            self.trusted.push(checkpoint.public_key.clone());
        }
        if let Err(fault) = checkpoint.check(&self.trusted) {
            self.tree_is_whole = false;
            self.fault(fault);
        }
        let place = self.log.take(
            self.records,
            checkpoint.number,
            checkpoint.previous_hash.as_deref(),
            &checkpoint.hash,
        );
        if let Place::Found(record, class) = place {
            self.findings.push(Finding {
                class,
                record,
                agent_id: None,
                detail: "checkpoints do not follow each other",
            });
        }
        if place != Place::Next || self.log.is_doubtful() {
            self.tree_is_whole = false;
        }
        if place != Place::Next {
            return;
        }
        self.compare_outside(checkpoint);
        if !checkpoint.heads.is_sorted_by(|left, right| left.agent_id < right.agent_id) {
            self.log_finding(TamperClass::BadSignature, "heads are not in order");
            return;
        }
        for head in &checkpoint.heads {
            self.tree.set(head);
        }
        let count_differs = i64::try_from(self.tree.len()) != Ok(checkpoint.heads_count);
        if self.tree_is_whole && (count_differs || hex(&self.tree.root()) != checkpoint.merkle_root)
        {
            self.tree_is_whole = false;
            self.log_finding(TamperClass::BadSignature, "heads are not those that were signed");
        }
        if self.tree_is_whole || self.log.is_doubtful() {
            self.compare_heads(checkpoint);
        }
    }

    fn compare_heads(&mut self, checkpoint: &Checkpoint) {
        for head in &checkpoint.heads {
            let chain = match self.scope {
                Scope::AllChains => self.chains.entry(head.agent_id.clone()).or_default(),
                Scope::PresentChains => match self.chains.get_mut(&head.agent_id) {
                    Some(chain) => chain,
                    None => continue,
                },
            };
            chain.signed_seq = chain.signed_seq.max(head.seq);
            if chain.finding.is_some()
                || chain.track.is_doubtful()
                || !matches!(chain.signed, Signed::Met)
            {
                continue;
            }
            match chain.track.seq.cmp(&head.seq) {
                std::cmp::Ordering::Less => chain.signed = Signed::Behind(self.records),
                std::cmp::Ordering::Equal if chain.track.hash != head.event_hash => {
                    chain.signed = Signed::Diverged(self.records, head.event_hash.clone());
                }
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => {
                    chain.finding = Some((
                        self.records,
                        TamperClass::Reordered,
                        "event comes before a checkpoint that does not cover it",
                    ));
                }
            }
        }
    }

    fn compare_outside(&mut self, checkpoint: &Checkpoint) {
        let mut outside = std::mem::take(&mut self.outside);
        for log in &mut outside {
            if let Err(fault) = log.compare(checkpoint, self.records, &self.trusted) {
                self.fault(fault);
            }
        }
        self.outside = outside;
    }

    fn declared(&mut self, declared: &AuditBreak) {
        if self.trusted.is_empty() {
            self.trusted.push(declared.public_key.clone());
        }
        if let Err(fault) = declared.check(&self.trusted) {
            return self.fault(fault);
        }
        let before = self.breaks.last();
        let follows = declared.number == before.map_or(1, |before| before.number + 1)
            && declared.previous_hash.as_ref() == before.map(|before| &before.hash);
        let stands = declared.after_number == self.log.seq
            && declared.after_hash.as_deref()
                == (self.log.seq > 0).then_some(self.log.hash.as_str());
        if !follows {
            return self
                .log_finding(TamperClass::Deleted, "declared breaks do not follow each other");
        }
        if !stands && !self.log.is_doubtful() {
            return self.log_finding(
                TamperClass::Reordered,
                "declared break does not stand after the checkpoint that it names",
            );
        }
        self.breaks.push(declared.clone());
    }

    fn fault(&mut self, fault: CheckpointFault) {
        match fault {
            CheckpointFault::Hash => self.log_finding(
                TamperClass::BadSignature,
                "checkpoint's hash does not match its content",
            ),
            CheckpointFault::Key => {
                self.log_finding(TamperClass::WrongKey, "checkpoint is signed with another key")
            }
            CheckpointFault::Signature => {
                self.log_finding(TamperClass::BadSignature, "checkpoint's signature does not match")
            }
        }
    }

    fn log_finding(&mut self, class: TamperClass, detail: &'static str) {
        self.findings.push(Finding { class, record: self.records, agent_id: None, detail });
    }
}

#[cfg(test)]
#[path = "audit_verify/tests.rs"]
mod tests;
