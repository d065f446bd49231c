//! What is kept: intents, outcomes, inferences, the ledger, the audit chain, agents and keys; on
//! SQLite or PostgreSQL.
//!
//! One trait, [`Store`], two implementations, one conformance suite (`tests/conformance.rs`). SQL
//! lives in this crate only. Only `CaptureActor` calls [`Store::capture_shared`]; everything that a
//! call leaves behind passes through it.
//!
//! Promises of [`Store::capture_shared`]:
//! 1. A batch is one transaction: all of it is durable when it returns, or none of it is there.
//! 2. Everything is keyed by `request_id`, so a batch may be sent again after an error whose effect
//!    is unknown.
//! 3. Whoever deletes the intent writes the outcome: two closers of the same call leave one row.

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
pub mod read;
pub mod replica;
pub mod wallet;

mod apply;
mod lost;
mod migrate;
mod postgres;
mod sqlite;

#[cfg(test)]
#[path = "../tests/support/postgres.rs"]
mod test_server;

pub use batch::{Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Extended, Extension};
pub use batch::{Locks, Refusal, Refused, Sent, Verdict};
pub use error::StoreError;
pub use idempotency::{Earlier, EarlierCall, IdempotencyClaim, StoredAnswer};
pub use invariants::Invariant;
pub use invariants::recent::{RecentLook, Watermark};
pub use open::open;
pub use read::call::{BareCall, CallView};
pub use read::{
    AuditEventRow, ChainVerdict, InferenceView, LedgerEntryRow, LedgerView, NewAgent, Opening,
    StoredKey, TenantRow,
};
pub use replica::{Heartbeat, OpenBoot};
pub use wallet::{CapChange, Owner, Strictness, WalletChange, WalletView};

use std::time::Duration;

pub use audit_verify::ChainEvent;
pub use checkpoint::CheckpointResult;
pub use parting::{Kept, Standing};
pub use read::audit::{AuditHeight, PublicCursor, PublicEvent, Receipt};

use std::sync::Arc;

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, BootId, InferenceId, ReceiptId, RequestId, TenantId, Usd};
use futures_util::future::BoxFuture;

pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// A future of the store's.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Where everything is kept. Implementations are `SqliteStore` and `PostgresStore`.
pub trait Store: Send + Sync {
    /// Brings the schema up to date; refuses a history that was edited. Runs under a lock, so
    /// replicas may start together.
    fn migrate(&self) -> StoreFuture<'_, ()>;

    /// Starts a life of the replica called `replica` and returns how many calls its earlier lives
    /// had left open: each of them is closed as `lost`, charged by its intent's `charge_if_lost`.
    fn begin_boot(&self, boot_id: BootId, replica: &str) -> StoreFuture<'_, u64>;

    /// The boots of this replica that were neither closed nor given up. Nothing where there is no
    /// schema yet.
    fn open_boots(&self, replica: &str) -> StoreFuture<'_, Vec<OpenBoot>>;

    /// A sign of life of this boot, by the database's clock, and whether it was given up meanwhile.
    fn heartbeat(&self, boot_id: BootId) -> StoreFuture<'_, Heartbeat>;

    /// Gives up every boot but this one, of whatever replica, whose heartbeat is older than the
    /// lease, and closes what boots that were given up left open as `lost`, in transactions of five
    /// hundred. Returns how many calls it closed; those that another reaper works on are left to
    /// it.
    fn reap(&self, boot_id: BootId, lease: Duration) -> StoreFuture<'_, u64>;

    /// Refuses a database that may forget what it has acknowledged. Names the setting.
    fn require_durability(&self) -> StoreFuture<'_, ()>;

    /// Marks the boot closed after a drain.
    fn end_boot(&self, boot_id: BootId) -> StoreFuture<'_, ()>;

    /// One transaction for everything that gathered since the last one. The batch stays with its
    /// owner too, who may have to send it again.
    fn capture_shared(&self, batch: Arc<CaptureBatch>) -> StoreFuture<'_, CaptureReply>;

    /// The same for a batch that is sent once.
    fn capture(&self, batch: CaptureBatch) -> StoreFuture<'_, CaptureReply> {
        self.capture_shared(Arc::new(batch))
    }

    /// How often another server answered than before: a standby that was promoted may lack what was
    /// acknowledged last. None for a store that no standby can take over.
    fn server_changes(&self) -> Option<u64> {
        None
    }

    /// Closes these calls as `lost`, as far as they are open: their own record cannot be written.
    /// Returns how many it closed.
    fn give_up(&self, request_ids: Vec<RequestId>) -> StoreFuture<'_, u64>;

    /// Is the store there, and can it be written? Used by `/readyz`.
    fn ping(&self) -> StoreFuture<'_, ()>;

    /// Makes an agent, on account or with a wallet (a `topup` transfer; `agent.registered` and
    /// `wallet.topped_up` events), or returns the one that has this name already.
    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId>;

    /// Tenants in the order of their ids.
    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>>;

    /// Gives a tenant its name, and makes it if it is new. One whose name begins with `internal-`
    /// is left out of what is public.
    fn name_tenant(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, ()>;

    /// Adds a key. Only the SHA-256 of its secret is kept.
    fn add_key(
        &self,
        agent_id: AgentId,
        key_id: &str,
        secret_sha256: [u8; 32],
    ) -> StoreFuture<'_, ()>;

    /// The key with this id, unless revoked, with its agent.
    fn find_key(&self, key_id: &str) -> StoreFuture<'_, Option<StoredKey>>;

    /// One inference of this agent, with its routing decision.
    fn inference(
        &self,
        agent_id: AgentId,
        inference_id: InferenceId,
    ) -> StoreFuture<'_, Option<InferenceView>>;

    /// One call of this agent that is over.
    fn call(&self, agent_id: AgentId, request_id: RequestId) -> StoreFuture<'_, Option<CallView>>;

    /// Events with `seq` greater than `since_seq`, oldest first.
    fn audit_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AuditEventRow>>;

    /// Walks the whole chain of an agent.
    fn verify_audit(&self, agent_id: AgentId) -> StoreFuture<'_, ChainVerdict>;

    /// The wallet and a page of its entries, newest first: those with a `seq` below `before_seq`,
    /// where that is given. `None` when there is no such agent.
    fn ledger(
        &self,
        agent_id: AgentId,
        before_seq: Option<i64>,
        limit: u32,
    ) -> StoreFuture<'_, Option<LedgerView>>;

    /// An operator's change, with its audit event, in one transaction. `None` when there is no such
    /// owner.
    fn administer(&self, owner: Owner, change: WalletChange)
    -> StoreFuture<'_, Option<WalletView>>;

    /// A wallet or a pool as it is now.
    fn wallet(&self, owner: Owner) -> StoreFuture<'_, Option<WalletView>>;

    /// The agent that has this name within its tenant.
    fn find_agent(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, Option<AgentId>>;

    /// What all tenants spent in the current UTC day and hold: what the kill-switch looks at.
    fn spent_today(&self) -> StoreFuture<'_, Usd>;

    /// Signs the heads of all chains, if any has grown since the last time, no other replica is at
    /// it, and the database has what is kept of the last signature. One transaction.
    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult>;

    /// Whether the database has what is kept of the last signature.
    fn audit_standing(&self, kept: Option<Kept>) -> StoreFuture<'_, Standing>;

    fn newest_checkpoint(&self) -> StoreFuture<'_, Option<Checkpoint>>;

    /// Declared breaks, oldest first. None where the schema has no place for them yet.
    fn audit_breaks(&self) -> StoreFuture<'_, Vec<AuditBreak>>;

    /// Keeps what was found to be missing; until a break is declared nobody signs. The same again
    /// changes nothing.
    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()>;

    /// What was found and no break has settled yet.
    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>>;

    /// Declares, signs and keeps the break that settles all that was found. None if nothing was.
    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>>;

    /// Checkpoints with a number greater than `after`, oldest first.
    fn checkpoints(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<Checkpoint>>;

    /// The next one in order that has a chain.
    fn next_chain(&self, after: Option<AgentId>) -> StoreFuture<'_, Option<AgentId>>;

    /// How far a chain goes by its account.
    fn account_head(&self, agent_id: AgentId) -> StoreFuture<'_, Option<ChainHead>>;

    /// Events with `seq` greater than `since_seq`, oldest first, exactly as they are kept.
    fn chain_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<ChainEvent>>;

    /// How far all chains together go.
    fn audit_height(&self) -> StoreFuture<'_, AuditHeight>;

    /// Events of all agents but internal ones, newest first.
    fn public_events(&self, before: PublicCursor, limit: u32) -> StoreFuture<'_, Vec<PublicEvent>>;

    /// A receipt of this agent.
    fn receipt(&self, agent_id: AgentId, receipt_id: ReceiptId)
    -> StoreFuture<'_, Option<Receipt>>;

    /// Asks whether the rows keep what this page promises. Reads everything: for an operator, not
    /// for a probe.
    fn invariants(&self) -> StoreFuture<'_, Vec<Invariant>> {
        self.invariants_within(invariants::LONGEST_CALL)
    }

    /// The same where a call may be open for so long.
    fn invariants_within(&self, longest_call: Duration) -> StoreFuture<'_, Vec<Invariant>>;

    /// Looks at a slice of what was written since the watermark, at what is open, and at a few
    /// accounts in turn. What it reads does not grow with the history.
    fn recent_invariants(
        &self,
        mark: Watermark,
        longest_call: Duration,
    ) -> StoreFuture<'_, RecentLook>;
}
