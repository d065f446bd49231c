//! What the machine asks its surroundings to do, and where and when.

use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{AgentId, BootId, OutcomeStatus};
use ainfera_store::{CaptureBatch, Extended, RefusedRecord, Verdict};

use super::log_event::LogEvent;
use crate::capture::CaptureError;
use crate::capture::start::{StartFailure, Started};

/// In the order in which they are to be begun.
pub type Effects<T> = Vec<Effect<T>>;

/// `T` stands for whoever waits for a reply. Each is given exactly one.
#[derive(Debug)]
pub enum Effect<T> {
    Reply(T, Reply),
    /// One transaction. Answered by `Committed` or `Failed` for the same lane.
    Commit {
        lane: Lane,
        rows: Arc<CaptureBatch>,
    },
    /// Answered once, by `Timer`.
    Start {
        timer: Timer,
        after: Duration,
    },
    /// Whole lines, fsynced. Answered by `SpoolAppended`.
    AppendToSpool {
        lines: Vec<u8>,
    },
    /// Everything in it is in the store. Answered by `SpoolCleared`.
    ClearSpool,
    /// Keeps a record that the store never takes for an operator to look at, then closes its call
    /// as lost if that is open. Answered by `Quarantined`.
    Quarantine {
        record: Box<RefusedRecord>,
    },
    /// Answered by `Checkpointed`.
    Checkpoint,
    /// Answered by `CheckpointFilesWritten`.
    WriteCheckpointFiles,
    /// The database has what was signed, or a declared break says why not.
    AuditIsWhole,
    /// The database lacks what was signed: what, is to be found out.
    AuditIsParted,
    /// Answered by `Reaped`.
    Reap {
        boot_id: BootId,
        lease: Duration,
    },
    /// Answered by `SpoolRead`.
    ReadSpool(SpoolName),
    /// Offers the store the refused records beside this spool, which it could not keep before.
    /// Answered by `RefusedRecordsOffered`.
    OfferRefusedRecords {
        spool: SpoolName,
        replica: String,
    },
    /// Keeps what the store did not take of the spool elsewhere, then empties the spool. Answered
    /// by `SpoolReplayed`.
    FinishReplay {
        spool: SpoolName,
        refused: Vec<RefusedRecord>,
        /// Lines of records whose calls the store does not know.
        unknown: Vec<u8>,
    },
    /// Closes what earlier boots of this replica left open. Answered by `BootBegun`.
    BeginBoot {
        boot_id: BootId,
        replica: String,
    },
    Count(Metric),
    Log(LogEvent),
}

/// The answer to somebody who waits, of the kind that was asked for.
#[derive(Debug)]
pub enum Reply {
    Admission(Result<Verdict, CaptureError>),
    Rejection(Result<(), CaptureError>),
    Extension(Result<Extended, CaptureError>),
    /// The record is in the store or in the spool.
    Durable,
    /// The record never becomes durable: it was refused for good, or it means nothing.
    NeverDurable,
    Settled,
    Started(Result<Started, StartFailure>),
}

/// Transactions of one lane run one after the other; those of different lanes run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// All agents but those whose account is locked.
    Shared,
    /// One agent whose account another transaction has locked.
    Locked(AgentId),
    /// What a spool holds, at a start.
    Replay,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Records that nobody waits for have waited for others.
    Linger,
    /// The failed batch of the shared lane is sent again.
    Retry,
    /// The lane of this agent goes on.
    RetryLocked(AgentId),
    /// Records that have waited for long are looked for.
    SpoolCheck,
    /// The machine goes on after a panic.
    Recover,
}

/// Which of the files that a start reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpoolName {
    Own,
    /// A name that was used before and is not any more.
    Former,
}

/// What operators watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Commit,
    StoreError,
    StoreAway,
    StoreBack,
    /// A record that the store refused for good.
    CaptureFailed,
    DispatchWithoutCapture,
    /// A row that a server which took over had lost.
    WrittenAgain,
    ImplausibleUsage,
    Panic,
    Outcome(OutcomeStatus),
    /// So many calls are in the spool and not in the store.
    Spooled(u64),
    /// Whether the last write to the spool went well.
    SpoolDisk(Disk),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Disk {
    Writable,
    Unwritable,
}
