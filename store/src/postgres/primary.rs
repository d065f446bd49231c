//! Which server is the primary. Connections to a former one are given up, and an old primary that
//! still answers after a failover is refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Metrics};
use tokio_postgres::{Client, SimpleQueryMessage};

/// A connection that has been idle for this long is asked again whether it may write.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// A cluster and how often a standby of it was promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    cluster: String,
    timeline: u32,
}

/// What a new connection shows.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// The server that is known already, or the first one.
    Same,
    /// A standby was promoted, or another cluster answers.
    Changed,
    /// A primary that was followed by another.
    Outdated,
}

/// Shared by all pools of a store.
#[derive(Debug, Default)]
pub(super) struct Primary {
    known: Mutex<Option<Known>>,
    changes: AtomicU64,
}

#[derive(Debug, Clone)]
struct Known {
    identity: Identity,
    /// None for the first server.
    since: Option<Instant>,
}

/// How a pooled connection is looked at before it is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recheck {
    /// A statement that writes shows by itself that the server cannot be written.
    NewServer,
    /// A standby would answer reads with what is old.
    NewServerAndWritable,
}

impl Primary {
    /// The timeline counts the promotions since the cluster was made. One statement, and one row.
    pub(super) const IDENTITY: &str = "SELECT system_identifier,
        pg_walfile_name(pg_current_wal_insert_lsn()) FROM pg_control_system()";

    /// How often another server was found than the one before.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// A new connection: is it to the server that the others are to? A server that does not tell
    /// its identity is taken as it is.
    pub(super) async fn accept(
        &self,
        client: &ClientWrapper,
        opened: Instant,
    ) -> Result<(), String> {
        match identity(client).await {
            Some(identity) => self.judge(identity, opened),
            None => Ok(()),
        }
    }

    /// Whether a server has told its identity.
    pub(super) fn is_known(&self) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What [`Primary::IDENTITY`] was answered within a transaction: is it the server that the
    /// others were to? If it is another one, older connections are given up too.
    pub(super) fn judge_answer(&self, rows: &[SimpleQueryMessage]) -> Result<(), String> {
        match Identity::of_answer(rows) {
            Some(identity) => self.judge(identity, Instant::now()),
            None => Ok(()),
        }
    }

    fn judge(&self, identity: Identity, opened: Instant) -> Result<(), String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match judge(known.as_ref().map(|known| &known.identity), &identity) {
            Found::Same if known.is_some() => {}
            Found::Same => *known = Some(Known { identity, since: None }),
            Found::Changed => {
                tracing::warn!(
                    timeline = identity.timeline,
                    "another database server answers than before: a standby was promoted"
                );
                *known = Some(Known { identity, since: Some(opened) });
                self.changes.fetch_add(1, Ordering::Relaxed);
            }
            Found::Outdated => {
                return Err(format!(
                    "the server that answers is a former primary on timeline {}: a standby was promoted and has been used since",
                    identity.timeline
                ));
            }
        }
        Ok(())
    }

    /// A pooled connection, before it is used again.
    pub(super) async fn still_accept(
        &self,
        client: &ClientWrapper,
        metrics: Metrics,
        recheck: Recheck,
    ) -> Result<(), String> {
        let since = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .and_then(|known| known.since);
        if since.is_some_and(|since| metrics.created < since) {
            return Err("connection to a former server".to_owned());
        }
        if recheck == Recheck::NewServer || metrics.last_used() < TRUSTED_FOR {
            return Ok(());
        }
        match client.simple_query("SHOW transaction_read_only").await {
            Ok(rows) if first_value(&rows, 0) == Some("off") => Ok(()),
            Ok(_) => Err("server may only be read".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

async fn identity(client: &Client) -> Option<Identity> {
    let rows = match client.simple_query(Primary::IDENTITY).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::debug!(%error, "the database server does not tell its identity");
            return None;
        }
    };
    Identity::of_answer(&rows)
}

impl Identity {
    fn of_answer(rows: &[SimpleQueryMessage]) -> Option<Self> {
        Self::parse(first_value(rows, 0)?, first_value(rows, 1)?)
    }

    /// A WAL file's name begins with eight hex digits of the timeline.
    fn parse(cluster: &str, wal_file: &str) -> Option<Self> {
        let timeline = u32::from_str_radix(wal_file.get(..8)?, 16).ok()?;
        Some(Self { cluster: cluster.to_owned(), timeline })
    }
}

fn first_value(rows: &[SimpleQueryMessage], column: usize) -> Option<&str> {
    rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(column),
        _ => None,
    })
}

fn judge(known: Option<&Identity>, found: &Identity) -> Found {
    match known {
        None => Found::Same,
        Some(known) if known == found => Found::Same,
        Some(known) if known.cluster == found.cluster && found.timeline < known.timeline => {
            Found::Outdated
        }
        Some(_) => Found::Changed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cluster: &str, timeline: u32) -> Identity {
        Identity { cluster: cluster.to_owned(), timeline }
    }

    #[test]
    fn a_promoted_standby_is_followed_and_the_former_primary_refused() {
        let first = found("7", 1);
        assert_eq!(judge(None, &first), Found::Same);
        assert_eq!(judge(Some(&first), &first), Found::Same);
        assert_eq!(judge(Some(&first), &found("7", 2)), Found::Changed);
        assert_eq!(judge(Some(&found("7", 2)), &first), Found::Outdated);
        assert_eq!(
            judge(Some(&found("7", 2)), &found("8", 1)),
            Found::Changed,
            "another cluster has timelines of its own"
        );
    }

    #[test]
    fn the_timeline_is_read_from_the_name_of_a_wal_file() {
        assert_eq!(Identity::parse("7", "0000000A0000000000000003"), Some(found("7", 10)));
        assert_eq!(Identity::parse("7", "x"), None);
    }
}
