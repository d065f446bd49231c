//! Walks an audit chain link by link, and says where it is broken first.

use std::time::Duration;

use ainfera_schema::AgentId;
use ainfera_schema::audit::event_hash;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{AuditEventRow, ChainVerdict};
use crate::StoreError;
use crate::apply::chain::event_time;
use crate::row::{FromRow, StoredRow};

/// A row of `audit_events` as kept.
#[derive(Debug, Clone)]
pub(crate) struct AuditLink {
    pub agent_id: AgentId,
    pub seq: i64,
    pub event_id: Uuid,
    pub event_type: String,
    pub payload: String,
    pub previous_hash: Option<String>,
    pub event_hash: String,
    pub created_at: Timestamp,
}

impl FromRow for AuditLink {
    fn from_row(row: &impl StoredRow) -> Result<Self, StoreError> {
        Ok(Self {
            agent_id: AgentId(row.value("agent_id")?),
            seq: row.value("seq")?,
            event_id: row.value("event_id")?,
            event_type: row.value("event_type")?,
            payload: row.value("payload")?,
            previous_hash: row.value("previous_hash")?,
            event_hash: row.value("event_hash")?,
            created_at: row.value("created_at")?,
        })
    }
}

impl AuditLink {
    pub(crate) fn into_row(self) -> Result<AuditEventRow, StoreError> {
        Ok(AuditEventRow {
            id: self.event_id,
            agent_id: self.agent_id,
            seq: self.seq,
            event_type: self.event_type,
            payload: super::stored::from_json(&self.payload)?,
            previous_hash: self.previous_hash,
            event_hash: self.event_hash,
            created_at: self.created_at,
        })
    }
}

/// How far a chain goes by its account: the end of it cannot be cut off unnoticed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChainEnd {
    pub seq: i64,
    pub head: Option<String>,
}

/// How many links a walk reads at a time.
pub(crate) const PAGE: u32 = 500;

/// The longest rest between two pages.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// A walk rests for as long as its last page took, so that it takes at most half of a processor and
/// of a database's time.
pub(crate) async fn rest(page_began: Instant) {
    tokio::time::sleep(page_began.elapsed().min(LONGEST_REST)).await;
}

/// A walk from the first link to the end that the account names. Links that were added meanwhile
/// are left out.
pub(crate) struct ChainWalk {
    agent_id: AgentId,
    end: ChainEnd,
    seq: i64,
    head: Option<String>,
    failure: Option<(i64, String)>,
}

impl ChainWalk {
    pub(crate) fn new(agent_id: AgentId, end: ChainEnd) -> Self {
        Self { agent_id, end, seq: 0, head: None, failure: None }
    }

    /// Where the next page starts (exclusive), unless the walk is over.
    pub(crate) fn next_page(&self) -> Option<i64> {
        (self.failure.is_none() && self.seq < self.end.seq).then_some(self.seq)
    }

    /// Takes the links of one page in order. An empty page where more was due is a failure too.
    pub(crate) fn take(&mut self, page: &[AuditLink]) {
        if page.is_empty() {
            self.fail(self.seq + 1, "event is missing");
        }
        for link in page {
            if self.next_page().is_none() {
                return;
            }
            if let Err((seq, reason)) = self.check(link) {
                self.fail(seq, reason);
                return;
            }
            self.seq = link.seq;
            self.head = Some(link.event_hash.clone());
        }
    }

    /// The same on a thread that may be busy: hashing a page takes longer than others may wait.
    pub(crate) async fn take_elsewhere(mut self, page: Vec<AuditLink>) -> Result<Self, StoreError> {
        let taken = tokio::task::spawn_blocking(move || {
            self.take(&page);
            self
        });
        taken.await.map_err(|_| StoreError::Unavailable("verification was stopped".to_owned()))
    }

    pub(crate) fn finish(mut self) -> ChainVerdict {
        if self.failure.is_none() && self.head != self.end.head {
            self.fail(self.seq, "last hash is not the account's");
        }
        let (failure_seq, failure_reason) = self.failure.unzip();
        ChainVerdict {
            agent_id: self.agent_id,
            event_count: u64::try_from(self.end.seq).unwrap_or(0),
            valid: failure_seq.is_none() && self.end.seq > 0,
            failure_seq,
            failure_reason,
        }
    }

    fn fail(&mut self, seq: i64, reason: &str) {
        self.failure = Some((seq, reason.to_owned()));
    }

    fn check(&self, link: &AuditLink) -> Result<(), (i64, &'static str)> {
        let due = self.seq + 1;
        if link.seq != due {
            return Err((due, "event is missing"));
        }
        if link.previous_hash != self.head {
            return Err((due, "previous hash is not the hash of the event before"));
        }
        if event_hash(link.previous_hash.as_deref(), &link.payload) != link.event_hash {
            return Err((due, "hash does not match the payload"));
        }
        let payload: Value =
            serde_json::from_str(&link.payload).map_err(|_| (due, "payload is not JSON"))?;
        let bound = payload["seq"] == link.seq
            && payload["event_type"] == link.event_type.as_str()
            && payload["agent_id"] == link.agent_id.to_string()
            && payload["created_at"] == event_time(link.created_at);
        if bound { Ok(()) } else { Err((due, "row does not match its payload")) }
    }
}

#[cfg(test)]
mod tests {
    use ainfera_schema::policy::SpendPolicy;
    use ainfera_schema::{Agent, AgentStatus, Funding, TenantId};

    use super::*;
    use crate::apply::account::Account;
    use crate::apply::event;

    fn chain(length: usize) -> (Account, Vec<AuditLink>) {
        let now: Timestamp = "2026-11-23T12:00:00.123456Z".parse().unwrap();
        let agent = Agent {
            agent_id: AgentId::mint(),
            tenant_id: TenantId::mint(),
            name: "walker".to_owned(),
            status: AgentStatus::Active,
            spend_policy: SpendPolicy::default(),
        };
        let mut account =
            Account::new(agent.agent_id, agent.tenant_id, SpendPolicy::default(), now);
        let links = (0..length)
            .map(|_| account.chain.append(event::registered(&agent, Funding::Prepaid), None, now))
            .map(|row| AuditLink {
                agent_id: row.agent_id,
                seq: row.seq,
                event_id: row.event_id,
                event_type: row.event_type.as_str().to_owned(),
                payload: row.payload,
                previous_hash: row.previous_hash,
                event_hash: row.event_hash,
                created_at: row.created_at,
            });
        let links = links.collect();
        (account, links)
    }

    /// Reads in pages of three, as a store does.
    fn verdict(account: &Account, links: &[AuditLink]) -> ChainVerdict {
        let end = ChainEnd { seq: account.chain.seq, head: account.chain.head.clone() };
        let mut walk = ChainWalk::new(account.agent_id, end);
        while let Some(since) = walk.next_page() {
            let page: Vec<AuditLink> =
                links.iter().filter(|link| link.seq > since).take(3).cloned().collect();
            walk.take(&page);
        }
        walk.finish()
    }

    fn first_failure(tamper: impl FnOnce(&mut Vec<AuditLink>)) -> Option<i64> {
        let (account, mut links) = chain(7);
        tamper(&mut links);
        verdict(&account, &links).failure_seq
    }

    #[test]
    fn a_whole_chain_is_valid_and_an_empty_one_is_not() {
        let (account, links) = chain(7);
        let whole = verdict(&account, &links);
        assert!(whole.valid);
        assert_eq!((whole.event_count, whole.failure_seq), (7, None));
        let (account, links) = chain(0);
        assert!(!verdict(&account, &links).valid);
    }

    #[test]
    fn every_way_to_tamper_is_found_where_it_was_done() {
        assert_eq!(
            first_failure(|links| links[3].payload = links[3].payload.replace("walker", "talker")),
            Some(4)
        );
        assert_eq!(first_failure(|links| drop(links.remove(4))), Some(5));
        assert_eq!(first_failure(|links| links.truncate(6)), Some(7));
        assert_eq!(first_failure(|links| links[2].previous_hash = None), Some(3));
        assert_eq!(
            first_failure(|links| links[1].event_type = "wallet.topped_up".to_owned()),
            Some(2)
        );
        assert_eq!(
            first_failure(|links| links[5].created_at += jiff::SignedDuration::from_micros(1)),
            Some(6)
        );
        // a forged last link with a hash of its own
        let forged = first_failure(|links| {
            let last = &mut links[6];
            last.payload = last.payload.replace("walker", "talker");
            last.event_hash = event_hash(last.previous_hash.as_deref(), &last.payload);
        });
        assert_eq!(forged, Some(7));
    }
}
