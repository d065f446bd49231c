//! The half of the store that writes.

use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_schema::{AgentId, BootId, RequestId, TenantId};
use futures_util::FutureExt;

use super::{
    SqliteStore, administer, audit, capture, migrate, parting, quarantine, register, replica,
};
use crate::replica::Scope;
use crate::{
    CaptureBatch, CaptureReply, CheckpointResult, Heartbeat, Kept, NewAgent, Opening, Owner,
    QuarantineDecision, RefusedRecord, Settled, StoreFuture, StoreWriter, WalletChange, WalletView,
};

impl StoreWriter for SqliteStore {
    fn migrate(&self) -> StoreFuture<'_, ()> {
        self.writer.run(migrate::migrate)
    }

    fn begin_boot(&self, boot_id: BootId, replica: &str) -> StoreFuture<'_, u64> {
        let replica = replica.to_owned();
        async move {
            let fenced = replica.clone();
            self.writer
                .run(move |connection| register::fence_boots(connection, boot_id, &fenced))
                .await?;
            let closed = self.reap_pages(Scope::Replica(replica.clone())).await?;
            self.writer
                .run(move |connection| register::add_boot(connection, boot_id, &replica))
                .await?;
            Ok(closed)
        }
        .boxed()
    }

    fn heartbeat(&self, boot_id: BootId) -> StoreFuture<'_, Heartbeat> {
        self.writer.run(move |connection| replica::heartbeat(connection, boot_id))
    }

    fn reap(&self, boot_id: BootId, lease: Duration) -> StoreFuture<'_, u64> {
        async move {
            self.writer
                .run(move |connection| replica::fence_silent(connection, boot_id, lease))
                .await?;
            self.reap_pages(Scope::EveryReplica).await
        }
        .boxed()
    }

    fn end_boot(&self, boot_id: BootId) -> StoreFuture<'_, ()> {
        self.writer.run(move |connection| register::end_boot(connection, boot_id))
    }

    fn capture_shared(&self, batch: Arc<CaptureBatch>) -> StoreFuture<'_, CaptureReply> {
        self.writer.run(move |connection| capture::capture(connection, &batch))
    }

    fn give_up(&self, request_ids: Vec<RequestId>) -> StoreFuture<'_, u64> {
        self.writer.run(move |connection| replica::give_up(connection, &request_ids))
    }

    fn quarantine(&self, records: Vec<RefusedRecord>) -> StoreFuture<'_, ()> {
        self.writer.run(move |connection| quarantine::keep(connection, &records))
    }

    fn settle_quarantined(
        &self,
        request_id: RequestId,
        decision: QuarantineDecision,
    ) -> StoreFuture<'_, Option<Settled>> {
        self.writer.run(move |connection| quarantine::settle(connection, request_id, &decision))
    }

    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId> {
        self.writer.run(move |connection| register::create_agent(connection, new, opening))
    }

    fn name_tenant(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, ()> {
        let name = name.to_owned();
        self.writer.run(move |connection| register::name_tenant(connection, tenant_id, &name))
    }

    fn add_key(
        &self,
        agent_id: AgentId,
        key_id: &str,
        secret_sha256: [u8; 32],
    ) -> StoreFuture<'_, ()> {
        let key_id = key_id.to_owned();
        self.writer
            .run(move |connection| register::add_key(connection, agent_id, &key_id, secret_sha256))
    }

    fn administer(
        &self,
        owner: Owner,
        change: WalletChange,
    ) -> StoreFuture<'_, Option<WalletView>> {
        self.writer.run(move |connection| administer::administer(connection, owner, &change))
    }

    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult> {
        self.writer.run(move |connection| audit::checkpoint(connection, &signer, kept.as_ref()))
    }

    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()> {
        self.writer.run(move |connection| parting::note(connection, &parting))
    }

    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>> {
        self.writer.run(move |connection| parting::declare(connection, declaration, &signer))
    }
}
