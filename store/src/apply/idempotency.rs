//! Who holds which idempotency key: pure, and the same for both stores.
//!
//! A key belongs to one agent, whose account is locked, so two claims of it are never decided at
//! once, whatever replica they came to.

use std::collections::{BTreeSet, HashMap};

use ainfera_schema::{AgentId, OutcomeStatus, RequestId, RoutingOutcome};
use jiff::{SignedDuration, Timestamp};

use crate::idempotency::{Earlier, EarlierCall, IdempotencyClaim, StoredAnswer};
use crate::{CaptureBatch, StoreError};

/// How long a key means the same call, counted from its admission and again from its end.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// An agent's key.
pub(crate) type KeyName = (AgentId, [u8; 32]);

/// A row of `idempotency_keys`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KeyRow {
    pub agent_id: AgentId,
    pub key_sha256: [u8; 32],
    pub fingerprint: [u8; 32],
    pub request_id: RequestId,
    pub state: KeyState,
    pub expires_at: Timestamp,
}

/// How far the key's call is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum KeyState {
    InFlight,
    Completed { answer: StoredAnswer, summary: Box<EarlierCall> },
    NotReplayable { summary: Box<EarlierCall> },
}

impl KeyState {
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            KeyState::InFlight => "in_flight",
            KeyState::Completed { .. } => "completed",
            KeyState::NotReplayable { .. } => "not_replayable",
        }
    }

    pub(crate) fn summary(&self) -> Option<&EarlierCall> {
        match self {
            KeyState::InFlight => None,
            KeyState::Completed { summary, .. } | KeyState::NotReplayable { summary } => {
                Some(summary)
            }
        }
    }

    pub(crate) fn answer(&self) -> Option<&str> {
        match self {
            KeyState::Completed { answer, .. } => Some(&answer.frames),
            KeyState::InFlight | KeyState::NotReplayable { .. } => None,
        }
    }

    /// The state that these columns mean.
    pub(crate) fn from_columns(
        summary: Option<EarlierCall>,
        answer: Option<String>,
    ) -> Result<Self, StoreError> {
        match (summary.map(Box::new), answer) {
            (None, None) => Ok(KeyState::InFlight),
            (Some(summary), Some(frames)) => {
                Ok(KeyState::Completed { answer: StoredAnswer { frames: frames.into() }, summary })
            }
            (Some(summary), None) => Ok(KeyState::NotReplayable { summary }),
            (None, Some(_)) => Err(StoreError::Corrupt(
                "an idempotency key has an answer and no summary".to_owned(),
            )),
        }
    }
}

/// The keys that a batch claims, each once.
pub(crate) fn claimed_keys(batch: &CaptureBatch) -> BTreeSet<KeyName> {
    let claims = batch.admissions.iter().filter_map(|admission| {
        Some((admission.draft.agent_id, admission.idempotency?.key_sha256))
    });
    claims.collect()
}

/// The keys that a batch may speak of, as they stand within its transaction.
#[derive(Debug, Default)]
pub(crate) struct KeyBook {
    rows: HashMap<KeyName, KeyRow>,
    calls: HashMap<RequestId, KeyName>,
    touched: BTreeSet<KeyName>,
}

/// What is to be written: rows that were touched go, and those that are still there come back as
/// they are now.
#[derive(Debug, Default)]
pub(crate) struct KeyChanges {
    pub touched: Vec<KeyName>,
    pub rows: Vec<KeyRow>,
}

impl KeyBook {
    pub(crate) fn new(rows: impl IntoIterator<Item = KeyRow>) -> Self {
        let mut book = Self::default();
        for row in rows {
            book.put(row);
        }
        book
    }

    /// The call that has this key already. An expired one is as good as none.
    pub(crate) fn earlier(
        &self,
        agent_id: AgentId,
        claim: &IdempotencyClaim,
        now: Timestamp,
    ) -> Option<Earlier> {
        let row =
            self.rows.get(&(agent_id, claim.key_sha256)).filter(|row| row.expires_at > now)?;
        if row.fingerprint != claim.fingerprint {
            return Some(Earlier::Mismatch);
        }
        Some(match &row.state {
            KeyState::InFlight => Earlier::InFlight,
            KeyState::Completed { answer, summary } => {
                Earlier::Completed { answer: answer.clone(), summary: summary.clone() }
            }
            KeyState::NotReplayable { summary } => {
                Earlier::NotReplayable { summary: summary.clone() }
            }
        })
    }

    /// The key is this call's from now on.
    pub(crate) fn take(
        &mut self,
        agent_id: AgentId,
        claim: &IdempotencyClaim,
        request_id: RequestId,
        now: Timestamp,
    ) {
        let name = (agent_id, claim.key_sha256);
        if let Some(expired) = self.rows.get(&name) {
            self.calls.remove(&expired.request_id);
        }
        self.touched.insert(name);
        self.put(KeyRow {
            agent_id,
            key_sha256: claim.key_sha256,
            fingerprint: claim.fingerprint,
            request_id,
            state: KeyState::InFlight,
            expires_at: after_life(now),
        });
    }

    /// The call is over: its key is released where nothing was charged, otherwise it remembers what
    /// there is to say.
    pub(crate) fn close(
        &mut self,
        outcome: &RoutingOutcome,
        answer: Option<&StoredAnswer>,
        now: Timestamp,
    ) {
        let Some(name) = self.calls.get(&outcome.request_id).copied() else { return };
        self.touched.insert(name);
        let succeeded = outcome.status == Some(OutcomeStatus::Succeeded);
        if !succeeded && outcome.cost_actual_usd.is_zero() {
            self.rows.remove(&name);
            self.calls.remove(&outcome.request_id);
        } else if let Some(row) = self.rows.get_mut(&name) {
            let summary = Box::new(EarlierCall::of(outcome));
            row.expires_at = after_life(now);
            row.state = match answer.filter(|_| succeeded) {
                Some(answer) => KeyState::Completed { answer: answer.clone(), summary },
                None => KeyState::NotReplayable { summary },
            };
        }
    }

    pub(crate) fn into_changes(mut self) -> KeyChanges {
        let rows = self.touched.iter().filter_map(|name| self.rows.remove(name)).collect();
        KeyChanges { touched: self.touched.into_iter().collect(), rows }
    }

    fn put(&mut self, row: KeyRow) {
        let name = (row.agent_id, row.key_sha256);
        self.calls.insert(row.request_id, name);
        self.rows.insert(name, row);
    }
}

fn after_life(now: Timestamp) -> Timestamp {
    now.checked_add(LIFE).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "idempotency/tests.rs"]
mod tests;
