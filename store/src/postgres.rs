//! The store for production: PostgreSQL, for one replica or several.

mod adjust;
mod administer;
mod audit;
mod call;
mod capture;
mod certificates;
mod client;
mod connect;
mod durability;
mod encryption;
mod error;
mod idempotency;
mod insert;
mod migrate;
mod parameter;
mod parting;
mod pool;
mod pooler;
mod primary;
mod read;
mod recent;
mod register;
mod replica;
mod session;
mod statements;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::ReceiptId;
use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, BootId, InferenceId, RequestId, TenantId, Usd};
use futures_util::FutureExt;
use pool::Pool;
use primary::Primary;
use tokio::time::Instant;

use crate::invariants::Invariant;
use crate::invariants::recent::{RecentLook, Watermark};
use crate::parting::{Kept, Standing};
use crate::read::verify::{self, ChainWalk};
use crate::replica::{Heartbeat, OpenBoot, Reaped, Scope};
use crate::wallet::{Owner, WalletChange, WalletView};
use crate::{
    AuditEventRow, CallView, CaptureBatch, CaptureReply, ChainVerdict, InferenceView, LedgerView,
    Locks, NewAgent, Opening, Store, StoreError, StoreFuture, StoredKey, TenantRow,
};
use crate::{AuditHeight, ChainEvent, CheckpointResult, PublicCursor, PublicEvent, Receipt};

/// The server's own timeout comes first; this one is for a server that says nothing at all.
const ANSWER: Duration = Duration::from_secs(8);
/// Connecting included, from far away.
const FIRST_ANSWER: Duration = Duration::from_secs(30);
/// Waiting for another replica's migration included.
const MIGRATION: Duration = Duration::from_secs(120);
/// Reads every row there is.
const INVARIANTS: Duration = Duration::from_secs(600);

/// Four kinds of work, each with connections of its own, so that none waits for another.
pub struct PostgresStore {
    writers: Pool,
    /// What may wait for a lock that others hold.
    waiters: Pool,
    /// What every call and every probe needs: keys, readiness.
    lookups: Pool,
    /// What callers read of their own rows.
    readers: Pool,
    /// What reads very much: verifications, the doctor.
    auditors: Pool,
    primary: Arc<Primary>,
}

impl PostgresStore {
    /// Connects when first asked. The URL's parameters mean what they mean for libpq, TLS included.
    pub fn open(url: &str) -> Result<Self, StoreError> {
        let primary = Arc::new(Primary::default());
        let pools = connect::Pools::of(url, Arc::clone(&primary))?;
        Ok(Self {
            writers: pools.writers()?,
            waiters: pools.writers()?,
            lookups: pools.lookups()?,
            readers: pools.readers()?,
            auditors: pools.auditors()?,
            primary,
        })
    }
}

impl PostgresStore {
    /// How many calls were closed.
    async fn reap_pages(&self, scope: &Scope) -> Result<u64, StoreError> {
        let mut closed = 0;
        while let Reaped::Some(calls) =
            within(ANSWER, replica::reap_page(&self.writers, scope)).await?
        {
            closed += calls;
        }
        Ok(closed)
    }
}

impl Store for PostgresStore {
    fn migrate(&self) -> StoreFuture<'_, ()> {
        within(MIGRATION, migrate::migrate(&self.writers)).boxed()
    }

    fn begin_boot(&self, boot_id: BootId, replica: &str) -> StoreFuture<'_, u64> {
        let replica = replica.to_owned();
        async move {
            within(ANSWER, register::fence_boots(&self.writers, boot_id, &replica)).await?;
            let closed = self.reap_pages(&Scope::Replica(replica.clone())).await?;
            within(ANSWER, register::add_boot(&self.writers, boot_id, &replica)).await?;
            Ok(closed)
        }
        .boxed()
    }

    fn open_boots(&self, replica: &str) -> StoreFuture<'_, Vec<OpenBoot>> {
        let replica = replica.to_owned();
        async move { within(FIRST_ANSWER, replica::open_boots(&self.writers, &replica)).await }
            .boxed()
    }

    fn heartbeat(&self, boot_id: BootId) -> StoreFuture<'_, Heartbeat> {
        within(ANSWER, replica::heartbeat(&self.writers, boot_id)).boxed()
    }

    fn reap(&self, boot_id: BootId, lease: Duration) -> StoreFuture<'_, u64> {
        async move {
            within(ANSWER, replica::fence_silent(&self.writers, boot_id, lease)).await?;
            self.reap_pages(&Scope::EveryReplica).await
        }
        .boxed()
    }

    fn require_durability(&self) -> StoreFuture<'_, ()> {
        within(FIRST_ANSWER, durability::require(&self.writers)).boxed()
    }

    fn end_boot(&self, boot_id: BootId) -> StoreFuture<'_, ()> {
        within(ANSWER, register::end_boot(&self.writers, boot_id)).boxed()
    }

    fn capture_shared(&self, batch: Arc<CaptureBatch>) -> StoreFuture<'_, CaptureReply> {
        // who waits for a lock waits on connections of its own
        let pool = match batch.locks {
            Locks::Briefly => &self.writers,
            Locks::Patiently => &self.waiters,
        };
        async move { within(ANSWER, capture::capture(pool, &batch)).await }.boxed()
    }

    fn server_changes(&self) -> Option<u64> {
        Some(self.primary.changes())
    }

    fn give_up(&self, request_ids: Vec<RequestId>) -> StoreFuture<'_, u64> {
        async move { within(ANSWER, replica::give_up(&self.waiters, &request_ids)).await }.boxed()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        within(ANSWER, read::ping(&self.lookups)).boxed()
    }

    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId> {
        within(ANSWER, register::create_agent(&self.writers, new, opening)).boxed()
    }

    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>> {
        within(ANSWER, read::tenants(&self.readers, limit)).boxed()
    }

    fn name_tenant(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, ()> {
        let name = name.to_owned();
        async move { within(ANSWER, register::name_tenant(&self.writers, tenant_id, &name)).await }
            .boxed()
    }

    fn add_key(
        &self,
        agent_id: AgentId,
        key_id: &str,
        secret_sha256: [u8; 32],
    ) -> StoreFuture<'_, ()> {
        let key_id = key_id.to_owned();
        async move {
            within(ANSWER, register::add_key(&self.writers, agent_id, &key_id, &secret_sha256))
                .await
        }
        .boxed()
    }

    fn find_key(&self, key_id: &str) -> StoreFuture<'_, Option<StoredKey>> {
        let key_id = key_id.to_owned();
        async move { within(ANSWER, read::find_key(&self.lookups, &key_id)).await }.boxed()
    }

    fn inference(
        &self,
        agent_id: AgentId,
        inference_id: InferenceId,
    ) -> StoreFuture<'_, Option<InferenceView>> {
        within(ANSWER, read::inference(&self.readers, agent_id, inference_id)).boxed()
    }

    fn call(&self, agent_id: AgentId, request_id: RequestId) -> StoreFuture<'_, Option<CallView>> {
        within(ANSWER, call::call(&self.readers, agent_id, request_id)).boxed()
    }

    fn audit_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AuditEventRow>> {
        async move {
            let links =
                within(ANSWER, read::audit_links(&self.readers, agent_id, since_seq, limit))
                    .await?;
            links.into_iter().map(verify::AuditLink::into_row).collect()
        }
        .boxed()
    }

    fn verify_audit(&self, agent_id: AgentId) -> StoreFuture<'_, ChainVerdict> {
        async move {
            let end = within(ANSWER, read::chain_end(&self.auditors, agent_id)).await?;
            let mut walk = ChainWalk::new(agent_id, end);
            while let Some(since) = walk.next_page() {
                let began = Instant::now();
                let page = within(
                    ANSWER,
                    read::audit_links(&self.auditors, agent_id, since, verify::PAGE),
                )
                .await?;
                walk = walk.take_elsewhere(page).await?;
                verify::rest(began).await;
            }
            Ok(walk.finish())
        }
        .boxed()
    }

    fn ledger(
        &self,
        agent_id: AgentId,
        before_seq: Option<i64>,
        limit: u32,
    ) -> StoreFuture<'_, Option<LedgerView>> {
        within(ANSWER, read::ledger(&self.readers, agent_id, before_seq, limit)).boxed()
    }

    fn administer(
        &self,
        owner: Owner,
        change: WalletChange,
    ) -> StoreFuture<'_, Option<WalletView>> {
        async move { within(ANSWER, administer::administer(&self.writers, owner, &change)).await }
            .boxed()
    }

    fn wallet(&self, owner: Owner) -> StoreFuture<'_, Option<WalletView>> {
        within(ANSWER, administer::wallet(&self.readers, owner)).boxed()
    }

    fn find_agent(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, Option<AgentId>> {
        let name = name.to_owned();
        async move { within(ANSWER, administer::find_agent(&self.readers, tenant_id, &name)).await }
            .boxed()
    }

    fn spent_today(&self) -> StoreFuture<'_, Usd> {
        within(ANSWER, administer::spent_today(&self.lookups)).boxed()
    }

    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult> {
        async move { within(ANSWER, audit::checkpoint(&self.writers, &signer, kept.as_ref())).await }.boxed()
    }

    fn audit_standing(&self, kept: Option<Kept>) -> StoreFuture<'_, Standing> {
        async move { within(ANSWER, parting::audit_standing(&self.readers, kept.as_ref())).await }
            .boxed()
    }

    fn newest_checkpoint(&self) -> StoreFuture<'_, Option<Checkpoint>> {
        within(ANSWER, parting::newest_checkpoint(&self.readers)).boxed()
    }

    fn audit_breaks(&self) -> StoreFuture<'_, Vec<AuditBreak>> {
        within(ANSWER, parting::audit_breaks(&self.readers)).boxed()
    }

    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()> {
        async move { within(ANSWER, parting::note(&self.writers, &parting)).await }.boxed()
    }

    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>> {
        within(ANSWER, parting::open_partings(&self.readers)).boxed()
    }

    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>> {
        async move { within(ANSWER, parting::declare(&self.writers, declaration, &signer)).await }
            .boxed()
    }

    fn checkpoints(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<Checkpoint>> {
        within(ANSWER, audit::checkpoints(&self.readers, after, limit)).boxed()
    }

    fn next_chain(&self, after: Option<AgentId>) -> StoreFuture<'_, Option<AgentId>> {
        within(ANSWER, audit::next_agent(&self.readers, after)).boxed()
    }

    fn account_head(&self, agent_id: AgentId) -> StoreFuture<'_, Option<ChainHead>> {
        within(ANSWER, audit::account_head(&self.readers, agent_id)).boxed()
    }

    fn chain_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<ChainEvent>> {
        within(ANSWER, audit::chain_events(&self.readers, agent_id, since_seq, limit)).boxed()
    }

    fn audit_height(&self) -> StoreFuture<'_, AuditHeight> {
        within(ANSWER, audit::height(&self.readers)).boxed()
    }

    fn public_events(&self, before: PublicCursor, limit: u32) -> StoreFuture<'_, Vec<PublicEvent>> {
        async move { within(ANSWER, audit::public_events(&self.readers, &before, limit)).await }
            .boxed()
    }

    fn receipt(
        &self,
        agent_id: AgentId,
        receipt_id: ReceiptId,
    ) -> StoreFuture<'_, Option<Receipt>> {
        within(ANSWER, audit::receipt(&self.readers, agent_id, receipt_id.0)).boxed()
    }

    fn recent_invariants(
        &self,
        mark: Watermark,
        longest_call: Duration,
    ) -> StoreFuture<'_, RecentLook> {
        async move { within(ANSWER, recent::look(&self.auditors, &mark, longest_call)).await }
            .boxed()
    }

    fn invariants_within(&self, longest_call: Duration) -> StoreFuture<'_, Vec<Invariant>> {
        within(INVARIANTS, read::invariants(&self.auditors, longest_call)).boxed()
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", limit.as_secs()))),
    }
}
