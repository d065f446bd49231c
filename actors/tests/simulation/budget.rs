//! How much may go wrong, and how often somebody does what need not be done.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Transactions that fail, each before or after its commit.
    pub faults: u32,
    /// Writes of the spool that fail.
    pub spool_faults: u32,
    /// Writes of the quarantine that fail.
    pub quarantine_faults: u32,
    /// How often records that have waited are looked for.
    pub spool_checks: u32,
    pub failovers: u32,
    pub kills: u32,
    /// Replicas that are given up while they live.
    pub fences: u32,
    /// Callers that leave before they hear.
    pub leaves: u32,
    /// Accounts that another transaction locks.
    pub locks: u32,
    pub extensions: u32,
    pub settles: u32,
    pub checkpoints: u32,
}

impl Budget {
    pub const NONE: Budget = Budget {
        faults: 0,
        spool_faults: 0,
        quarantine_faults: 0,
        spool_checks: 0,
        failovers: 0,
        kills: 0,
        fences: 0,
        leaves: 0,
        locks: 0,
        extensions: 0,
        settles: 0,
        checkpoints: 0,
    };

    pub const PLENTY: Budget = Budget {
        faults: u32::MAX,
        spool_faults: u32::MAX,
        quarantine_faults: u32::MAX,
        spool_checks: u32::MAX,
        failovers: 3,
        kills: 3,
        fences: 2,
        leaves: u32::MAX,
        locks: u32::MAX,
        extensions: u32::MAX,
        settles: 6,
        checkpoints: 6,
    };
}
