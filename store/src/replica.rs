//! Replicas on one database: each lives as long as its heartbeat is young, by the database's clock.
//! Whoever is given up is fenced, and what it left open is closed as `lost` by whoever finds it
//! first.

use ainfera_schema::BootId;
use jiff::Timestamp;

/// A boot that may still run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBoot {
    pub boot_id: BootId,
    pub heartbeat_at: Timestamp,
    /// For how long its heartbeat has not moved, by the database's clock.
    pub silent_ms: i64,
}

/// The answer to a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    Alive,
    /// This boot was given up: its calls are closed, or being closed, as `lost`. It must take no
    /// new ones and end.
    Fenced,
}

impl Heartbeat {
    /// From the number of open boots that the heartbeat renewed.
    pub(crate) fn from_renewed(boots: u64) -> Self {
        if boots == 0 { Heartbeat::Fenced } else { Heartbeat::Alive }
    }
}

/// Whose open calls are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those of every boot that was fenced.
    EveryReplica,
    /// Those of the earlier lives of this one.
    Replica(String),
}

impl Scope {
    pub(crate) fn replica(&self) -> Option<&str> {
        match self {
            Scope::EveryReplica => None,
            Scope::Replica(name) => Some(name),
        }
    }
}

/// What one transaction of a reaper did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaped {
    /// So many calls were closed. There may be more.
    Some(u64),
    /// Nothing is left, or somebody else is at it.
    Nothing,
}

impl Reaped {
    /// A page of which none was open any more ends the work too: it would come again for ever.
    pub(crate) fn new(closed: u64) -> Self {
        if closed == 0 { Reaped::Nothing } else { Reaped::Some(closed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_that_renews_nothing_is_that_of_a_fenced_boot() {
        assert_eq!(Heartbeat::from_renewed(1), Heartbeat::Alive);
        assert_eq!(Heartbeat::from_renewed(0), Heartbeat::Fenced);
    }

    #[test]
    fn a_page_that_closed_nothing_is_the_last() {
        assert_eq!(Reaped::new(0), Reaped::Nothing);
        assert_eq!(Reaped::new(500), Reaped::Some(500));
    }
}
