//! What is written to a store.

use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_schema::{AgentId, BootId, RequestId, TenantId};

use crate::{
    CaptureBatch, CaptureReply, CheckpointResult, Heartbeat, Kept, NewAgent, Opening, Owner,
    QuarantineDecision, RefusedRecord, Settled, StoreFuture, StoreReader, WalletChange, WalletView,
};

/// Where everything is written. While the gateway serves, CaptureActor alone holds one: whoever
/// else has something to write tells it. The start, the end and the commands that write have one
/// of their own.
pub trait StoreWriter: StoreReader {
    /// Brings the schema up to date; refuses a history that was edited. Runs under a lock, so
    /// replicas may start together.
    fn migrate(&self) -> StoreFuture<'_, ()>;

    /// Starts a life of the replica called `replica` and returns how many calls its earlier lives
    /// had left open: each of them is closed as `lost`, charged by its intent's `charge_if_lost`.
    fn begin_boot(&self, boot_id: BootId, replica: &str) -> StoreFuture<'_, u64>;

    /// A sign of life of this boot, by the database's clock, and whether it was given up meanwhile.
    fn heartbeat(&self, boot_id: BootId) -> StoreFuture<'_, Heartbeat>;

    /// Gives up every boot but this one, of whatever replica, whose heartbeat is older than the
    /// lease, and closes what boots that were given up left open as `lost`, in transactions of five
    /// hundred. Returns how many calls it closed; those that another reaper works on are left to
    /// it.
    fn reap(&self, boot_id: BootId, lease: Duration) -> StoreFuture<'_, u64>;

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

    /// Keeps records that were refused for good, in a transaction of its own. One of a call that is
    /// in quarantine already changes nothing.
    fn quarantine(&self, records: Vec<RefusedRecord>) -> StoreFuture<'_, ()>;

    /// An operator's decision about a record, with its audit event, in one transaction. `None` when
    /// there is no such record. One that is put back closes or adjusts its call as a record does
    /// that comes late.
    fn settle_quarantined(
        &self,
        request_id: RequestId,
        decision: QuarantineDecision,
    ) -> StoreFuture<'_, Option<Settled>>;

    /// Makes an agent, on account or with a wallet (a `topup` transfer; `agent.registered` and
    /// `wallet.topped_up` events), or returns the one that has this name already.
    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId>;

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

    /// An operator's change, with its audit event, in one transaction. `None` when there is no such
    /// owner.
    fn administer(&self, owner: Owner, change: WalletChange)
    -> StoreFuture<'_, Option<WalletView>>;

    /// Signs the heads of all chains, if any has grown since the last time, no other replica is at
    /// it, and the database has what is kept of the last signature. One transaction.
    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult>;

    /// Keeps what was found to be missing; until a break is declared nobody signs. The same again
    /// changes nothing.
    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()>;

    /// Declares, signs and keeps the break that settles all that was found. None if nothing was.
    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>>;
}
