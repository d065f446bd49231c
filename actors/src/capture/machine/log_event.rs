//! What the machine says to the log.

use ainfera_schema::{AgentId, RequestId, Usd};

#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    StoreFailed {
        error: String,
    },
    StoreBack,
    /// `agent_id` is set where the batch is of one agent whose account was locked.
    BatchSplit {
        agent_id: Option<AgentId>,
        error: String,
    },
    AccountLocked {
        agent_id: AgentId,
    },
    AccountUnlocked {
        agent_id: AgentId,
    },
    EntryRefused {
        error: String,
    },
    ServerChanged {
        batches: usize,
    },
    Spooled {
        calls: usize,
    },
    SpoolCannotBeWritten {
        error: String,
    },
    Panicked,
    Reaped {
        lost: u64,
    },
    ReapFailed {
        error: String,
    },
    CheckpointFailed {
        error: String,
    },
    Call {
        request_id: RequestId,
        event: CallEvent,
    },
    Start(StartEvent),
}

/// Of one call.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    RefusedForGood { agent_id: AgentId, cost_usd: Usd, error: String },
    ClosedBefore,
    Adjusted,
    WrittenAgain,
    DispatchedWithoutIntent,
    CannotBeSpooled { error: String },
}

/// Of the spool that a start reads.
#[derive(Debug, Clone, PartialEq)]
pub enum StartEvent {
    SpoolInUse { error: String },
    SpoolDamaged { lines: usize },
    RecordRefused { request_id: RequestId, error: String },
    RecordUnknown { request_id: RequestId },
}
