//! What is asked of a store.

use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint};
use ainfera_schema::{AgentId, InferenceId, ReceiptId, RequestId, TenantId, Usd};

use crate::invariants::LONGEST_CALL;
use crate::{
    AuditEventRow, AuditHeight, CallView, ChainEvent, ChainVerdict, InferenceView, Invariant, Kept,
    LedgerView, OpenBoot, Owner, PublicCursor, PublicEvent, QuarantineScope, QuarantinedRecord,
    Receipt, RecentLook, Standing, StoreFuture, StoredKey, TenantRow, WalletView, Watermark,
};

/// What is kept, to be looked at. Whoever holds this and not a
/// [`StoreWriter`](crate::StoreWriter) cannot write:
///
/// ```
/// # use ainfera_store::{StoreFuture, StoreReader};
/// fn look(store: &dyn StoreReader) -> StoreFuture<'_, ()> {
///     store.ping()
/// }
/// ```
///
/// ```compile_fail
/// # use ainfera_store::{CaptureBatch, CaptureReply, StoreFuture, StoreReader};
/// fn write(store: &dyn StoreReader, batch: CaptureBatch) -> StoreFuture<'_, CaptureReply> {
///     store.capture(batch)
/// }
/// ```
///
/// With a [`StoreWriter`](crate::StoreWriter) the same lines are good:
///
/// ```
/// # use ainfera_store::{CaptureBatch, CaptureReply, StoreFuture, StoreWriter};
/// fn write(store: &dyn StoreWriter, batch: CaptureBatch) -> StoreFuture<'_, CaptureReply> {
///     store.capture(batch)
/// }
/// ```
pub trait StoreReader: Send + Sync {
    /// The boots of this replica that were neither closed nor given up. Nothing where there is no
    /// schema yet.
    fn open_boots(&self, replica: &str) -> StoreFuture<'_, Vec<OpenBoot>>;

    /// Refuses a database that may forget what it has acknowledged. Names the setting.
    fn require_durability(&self) -> StoreFuture<'_, ()>;

    /// How many records wait in quarantine.
    fn waiting_in_quarantine(&self) -> StoreFuture<'_, i64>;

    /// Records in quarantine, oldest first.
    fn quarantined(
        &self,
        scope: QuarantineScope,
        limit: u32,
    ) -> StoreFuture<'_, Vec<QuarantinedRecord>>;

    /// The record of this call in quarantine.
    fn quarantined_record(
        &self,
        request_id: RequestId,
    ) -> StoreFuture<'_, Option<QuarantinedRecord>>;

    /// Is the store there, and can it be written? Used by `/readyz`.
    fn ping(&self) -> StoreFuture<'_, ()>;

    /// Tenants in the order of their ids.
    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>>;

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

    /// A wallet or a pool as it is now.
    fn wallet(&self, owner: Owner) -> StoreFuture<'_, Option<WalletView>>;

    /// The agent that has this name within its tenant.
    fn find_agent(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, Option<AgentId>>;

    /// What all tenants spent in the current UTC day and have reserved: what the kill-switch looks
    /// at.
    fn spent_today(&self) -> StoreFuture<'_, Usd>;

    /// Whether the database has what is kept of the last signature.
    fn audit_standing(&self, kept: Option<Kept>) -> StoreFuture<'_, Standing>;

    fn newest_checkpoint(&self) -> StoreFuture<'_, Option<Checkpoint>>;

    /// Declared breaks, oldest first. None where the schema has no place for them yet.
    fn audit_breaks(&self) -> StoreFuture<'_, Vec<AuditBreak>>;

    /// What was found and no break has settled yet.
    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>>;

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

    /// Asks whether the rows keep what this crate promises. Reads everything: for an operator, not
    /// for a probe.
    fn invariants(&self) -> StoreFuture<'_, Vec<Invariant>> {
        self.invariants_within(LONGEST_CALL)
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
