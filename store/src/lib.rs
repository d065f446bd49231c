//! What is kept: intents, outcomes, inferences, the ledger, the audit chain, agents and keys; on
//! SQLite or PostgreSQL.
//!
//! Two traits: [`StoreReader`] for all that is asked, [`StoreWriter`] for all that is written. Two
//! implementations of both, one conformance suite (`tests/conformance.rs`). SQL lives in this crate
//! only. Only `CaptureActor` calls [`StoreWriter::capture_shared`]; everything that a call leaves
//! behind passes through it.
//!
//! Promises of [`StoreWriter::capture_shared`]:
//! 1. A batch is one transaction: all of it is durable when it returns, or none of it is there.
//! 2. Everything is keyed by `request_id`, so a batch may be sent again after an error whose effect
//!    is unknown.
//! 3. Whoever deletes the intent writes the outcome: two closers of the same call leave one row.

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod audit_log;
pub mod audit_verify;
pub mod batch;
pub mod checkpoint;
pub mod error;
pub mod idempotency;
pub mod invariants;
pub mod investigate;
pub mod open;
pub mod parting;
pub mod quarantine;
pub mod read;
pub mod replica;
pub mod wallet;

mod apply;
mod lost;
mod migrate;
mod postgres;
mod reader;
mod row;
mod sqlite;
mod table;
mod writer;

#[cfg(test)]
#[path = "../tests/support/postgres.rs"]
mod test_server;

pub use audit_verify::ChainEvent;
pub use batch::{Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Extended, Extension};
pub use batch::{Locks, Refusal, Refused, Sent, Verdict};
pub use checkpoint::CheckpointResult;
pub use error::StoreError;
pub use idempotency::{Earlier, EarlierCall, IdempotencyClaim, StoredAnswer};
pub use invariants::Invariant;
pub use invariants::recent::{RecentLook, Watermark};
pub use open::open;
pub use parting::{Kept, Standing};
pub use postgres::PostgresStore;
pub use quarantine::{QuarantineDecision, QuarantineScope, QuarantineState, QuarantinedRecord};
pub use quarantine::{RefusedRecord, Settled, Settlement};
pub use read::audit::{AuditHeight, PublicCursor, PublicEvent, Receipt};
pub use read::call::{BareCall, CallView};
pub use read::{
    AuditEventRow, ChainVerdict, InferenceView, LedgerEntryRow, LedgerView, NewAgent, Opening,
    StoredKey, TenantRow,
};
pub use reader::StoreReader;
pub use replica::{Heartbeat, OpenBoot};
pub use sqlite::SqliteStore;
pub use wallet::{CapChange, Owner, Strictness, WalletChange, WalletView};
pub use writer::StoreWriter;

use futures_util::future::BoxFuture;

/// A future of the store's.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;
