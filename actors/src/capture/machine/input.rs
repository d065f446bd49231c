//! What happens to the machine.

use std::time::Duration;

use ainfera_schema::{BootId, RequestId, RoutingOutcome, Usd};
use ainfera_store::{Admission, CaptureReply, CheckpointResult, Closing, Extension, StoreError};

use super::effect::{Lane, SpoolName, Timer};
use crate::capture::spool::Spooled;
use crate::capture::start::StartFailure;

/// `T` stands for whoever waits for a reply.
#[derive(Debug)]
pub enum Input<T> {
    /// Let this call in.
    Admit {
        admission: Box<Admission>,
        waiter: T,
    },
    /// The router rejected this call; its row is to be written.
    Reject {
        outcome: Box<RoutingOutcome>,
        waiter: T,
    },
    /// This call needs a larger reservation.
    Extend {
        extension: Extension,
        waiter: T,
    },
    /// This call is over.
    Record {
        closing: Box<Closing>,
        waiter: T,
        awaited: Awaited,
    },
    /// A reader missed a row: it wants to know when all that was sent before is durable.
    Settle {
        waiter: T,
    },
    /// The limit for the batches from now on.
    KillSwitch {
        daily_usd: Option<Usd>,
    },
    /// No call comes in any more, so no record waits for others.
    GateClosed,

    Committed {
        lane: Lane,
        reply: CaptureReply,
        server: Option<u64>,
    },
    /// An error does not say whether the batch was committed.
    Failed {
        lane: Lane,
        error: StoreError,
        server: Option<u64>,
    },
    /// How often another database server answered than the one before.
    ServerSeen {
        changes: u64,
    },
    Timer(Timer),
    SpoolAppended(FileWrite),
    SpoolCleared,
    /// The refused record of this call is kept elsewhere, or the log says why not.
    Quarantined {
        request_id: RequestId,
    },

    CheckpointDue,
    Checkpointed(Result<CheckpointResult, StoreError>),
    CheckpointFilesWritten,
    /// Silent replicas are to be given up.
    ReapDue {
        boot_id: BootId,
        lease: Duration,
    },
    Reaped(Result<u64, StoreError>),

    /// A boot begins: first the spools, then the calls that earlier boots left open.
    StartBoot {
        boot_id: BootId,
        replica: String,
        spools: Vec<SpoolName>,
        waiter: T,
    },
    SpoolRead {
        spool: SpoolName,
        result: Result<Spooled, StartFailure>,
    },
    /// Refused records that could not be kept in the store before are there now, or stay where
    /// they are.
    RefusedRecordsOffered(Result<(), StartFailure>),
    SpoolReplayed(Result<(), StartFailure>),
    BootBegun(Result<u64, StoreError>),

    /// The machine panicked over the input before this one.
    Panicked,
}

/// Whether a client's last word waits for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Awaited {
    ByClient,
    ByNoClient,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileWrite {
    Durable,
    Failed(String),
}
