//! A store of which one call fails: before it had an effect, or after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, BootId, InferenceId, ReceiptId, RequestId, TenantId, Usd};
use ainfera_store::{
    AuditEventRow, AuditHeight, CallView, CaptureBatch, CaptureReply, ChainEvent, ChainVerdict,
    CheckpointResult, Heartbeat, InferenceView, Invariant, LedgerView, NewAgent, OpenBoot, Opening,
    Owner, PublicCursor, PublicEvent, Receipt, StoreError, StoreFuture, StoreReader, StoreWriter,
    StoredKey, TenantRow, WalletChange, WalletView,
};
use ainfera_store::{Kept, RecentLook, Standing, Watermark};
use ainfera_store::{
    QuarantineDecision, QuarantineScope, QuarantinedRecord, RefusedRecord, Settled,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

pub struct FaultyStore {
    pub inner: Arc<dyn StoreWriter>,
    failing: usize,
    moment: Moment,
    calls: AtomicUsize,
}

impl FaultyStore {
    /// Call number `failing`, counted from one, fails.
    pub fn new(inner: Arc<dyn StoreWriter>, failing: usize, moment: Moment) -> Self {
        Self { inner, failing, moment, calls: AtomicUsize::new(0) }
    }

    pub fn has_failed(&self) -> bool {
        self.calls.load(SeqCst) >= self.failing
    }

    fn perhaps<'a, T: Send + 'a>(&'a self, call: StoreFuture<'a, T>) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let fails = self.calls.fetch_add(1, SeqCst) + 1 == self.failing;
            let lost =
                || Err(StoreError::Unavailable("the connection was cut on purpose".to_owned()));
            match (fails, self.moment) {
                (true, Moment::Before) => lost(),
                (true, Moment::After) => call.await.and_then(|_| lost()),
                (false, _) => call.await,
            }
        })
    }
}

macro_rules! perhaps {
    ($($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $kind),*) -> StoreFuture<'_, $answer> {
            self.perhaps(self.inner.$name($($argument),*))
        })*
    };
}

impl StoreReader for FaultyStore {
    perhaps! {
        open_boots(replica: &str) -> Vec<OpenBoot>;
        require_durability() -> ();
        waiting_in_quarantine() -> i64;
        quarantined(scope: QuarantineScope, limit: u32) -> Vec<QuarantinedRecord>;
        quarantined_record(request_id: RequestId) -> Option<QuarantinedRecord>;
        ping() -> ();
        tenants(limit: u32) -> Vec<TenantRow>;
        find_key(key_id: &str) -> Option<StoredKey>;
        inference(agent_id: AgentId, inference_id: InferenceId) -> Option<InferenceView>;
        call(agent_id: AgentId, request_id: RequestId) -> Option<CallView>;
        audit_events(agent_id: AgentId, since_seq: i64, limit: u32) -> Vec<AuditEventRow>;
        verify_audit(agent_id: AgentId) -> ChainVerdict;
        ledger(agent_id: AgentId, before_seq: Option<i64>, limit: u32) -> Option<LedgerView>;
        wallet(owner: Owner) -> Option<WalletView>;
        find_agent(tenant_id: TenantId, name: &str) -> Option<AgentId>;
        spent_today() -> Usd;
        audit_standing(kept: Option<Kept>) -> Standing;
        newest_checkpoint() -> Option<Checkpoint>;
        audit_breaks() -> Vec<AuditBreak>;
        open_partings() -> Vec<Parting>;
        checkpoints(after: i64, limit: u32) -> Vec<Checkpoint>;
        next_chain(after: Option<AgentId>) -> Option<AgentId>;
        account_head(agent_id: AgentId) -> Option<ChainHead>;
        chain_events(agent_id: AgentId, since_seq: i64, limit: u32) -> Vec<ChainEvent>;
        audit_height() -> AuditHeight;
        public_events(before: PublicCursor, limit: u32) -> Vec<PublicEvent>;
        receipt(agent_id: AgentId, receipt_id: ReceiptId) -> Option<Receipt>;
        invariants_within(longest_call: Duration) -> Vec<Invariant>;
        recent_invariants(mark: Watermark, longest_call: Duration) -> RecentLook;
    }
}

impl StoreWriter for FaultyStore {
    perhaps! {
        migrate() -> ();
        begin_boot(boot_id: BootId, replica: &str) -> u64;
        heartbeat(boot_id: BootId) -> Heartbeat;
        reap(boot_id: BootId, lease: Duration) -> u64;
        end_boot(boot_id: BootId) -> ();
        capture_shared(batch: Arc<CaptureBatch>) -> CaptureReply;
        give_up(request_ids: Vec<RequestId>) -> u64;
        quarantine(records: Vec<RefusedRecord>) -> ();
        settle_quarantined(request_id: RequestId, decision: QuarantineDecision) -> Option<Settled>;
        create_agent(new: NewAgent, opening: Opening) -> AgentId;
        name_tenant(tenant_id: TenantId, name: &str) -> ();
        add_key(agent_id: AgentId, key_id: &str, secret_sha256: [u8; 32]) -> ();
        administer(owner: Owner, change: WalletChange) -> Option<WalletView>;
        checkpoint(signer: Arc<CheckpointSigner>, kept: Option<Kept>) -> CheckpointResult;
        note_parting(parting: Parting) -> ();
        declare_break(
            signer: Arc<CheckpointSigner>,
            declaration: Declaration
        ) -> Option<AuditBreak>;
    }
}
