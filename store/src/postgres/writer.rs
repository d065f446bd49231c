//! The half of the store that writes.

use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_schema::{AgentId, BootId, RequestId, TenantId};
use futures_util::FutureExt;

use super::{
    ANSWER, MIGRATION, PostgresStore, administer, audit, capture, migrate, parting, quarantine,
    register, replica, within,
};
use crate::replica::Scope;
use crate::{
    CaptureBatch, CaptureReply, CheckpointResult, Heartbeat, Kept, Locks, NewAgent, Opening, Owner,
    QuarantineDecision, RefusedRecord, Settled, StoreFuture, StoreWriter, WalletChange, WalletView,
};

impl StoreWriter for PostgresStore {
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

    fn quarantine(&self, records: Vec<RefusedRecord>) -> StoreFuture<'_, ()> {
        async move { within(ANSWER, quarantine::keep(&self.waiters, &records)).await }.boxed()
    }

    fn settle_quarantined(
        &self,
        request_id: RequestId,
        decision: QuarantineDecision,
    ) -> StoreFuture<'_, Option<Settled>> {
        let writers = &self.writers;
        let settle = async move { quarantine::settle(writers, request_id, &decision).await };
        within(ANSWER, settle).boxed()
    }

    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId> {
        within(ANSWER, register::create_agent(&self.writers, new, opening)).boxed()
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

    fn administer(
        &self,
        owner: Owner,
        change: WalletChange,
    ) -> StoreFuture<'_, Option<WalletView>> {
        async move { within(ANSWER, administer::administer(&self.writers, owner, &change)).await }
            .boxed()
    }

    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult> {
        async move {
            within(ANSWER, audit::checkpoint(&self.writers, &signer, kept.as_ref())).await
        }
        .boxed()
    }

    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()> {
        async move { within(ANSWER, parting::note(&self.writers, &parting)).await }.boxed()
    }

    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>> {
        async move { within(ANSWER, parting::declare(&self.writers, declaration, &signer)).await }
            .boxed()
    }
}
