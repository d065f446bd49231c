//! The half of the store that answers.

use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint};
use ainfera_schema::{AgentId, InferenceId, ReceiptId, RequestId, TenantId, Usd};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::worker::Worker;
use super::{
    SqliteStore, administer, audit, call, connect, doctor, parting, quarantine, read, recent,
};
use crate::read::verify;
use crate::read::verify::ChainWalk;
use crate::{
    AuditEventRow, AuditHeight, CallView, ChainEvent, ChainVerdict, InferenceView, Invariant, Kept,
    LedgerView, OpenBoot, Owner, PublicCursor, PublicEvent, QuarantineScope, QuarantinedRecord,
    Receipt, RecentLook, Standing, StoreFuture, StoreReader, StoredKey, TenantRow, WalletView,
    Watermark,
};

impl StoreReader for SqliteStore {
    /// One process has the file, and a lock beside it says which: no other boot can run.
    fn open_boots(&self, _: &str) -> StoreFuture<'_, Vec<OpenBoot>> {
        async { Ok(Vec::new()) }.boxed()
    }

    /// How durable it is, is set on each of our own connections.
    fn require_durability(&self) -> StoreFuture<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn waiting_in_quarantine(&self) -> StoreFuture<'_, i64> {
        self.lookups().run(quarantine::waiting)
    }

    fn quarantined(
        &self,
        scope: QuarantineScope,
        limit: u32,
    ) -> StoreFuture<'_, Vec<QuarantinedRecord>> {
        self.reader().run(move |connection| quarantine::list(connection, scope, limit))
    }

    fn quarantined_record(
        &self,
        request_id: RequestId,
    ) -> StoreFuture<'_, Option<QuarantinedRecord>> {
        self.reader().run(move |connection| quarantine::find(connection, request_id))
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.lookups().run(|connection| Ok(connection.query_row("SELECT 1", (), |_| Ok(()))?))
    }

    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>> {
        self.reader().run(move |connection| read::tenants(connection, limit))
    }

    fn find_key(&self, key_id: &str) -> StoreFuture<'_, Option<StoredKey>> {
        let key_id = key_id.to_owned();
        self.lookups().run(move |connection| read::find_key(connection, &key_id))
    }

    fn inference(
        &self,
        agent_id: AgentId,
        inference_id: InferenceId,
    ) -> StoreFuture<'_, Option<InferenceView>> {
        self.reader().run(move |connection| read::inference(connection, agent_id, inference_id))
    }

    fn call(&self, agent_id: AgentId, request_id: RequestId) -> StoreFuture<'_, Option<CallView>> {
        self.reader().run(move |connection| call::call(connection, agent_id, request_id))
    }

    fn audit_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<AuditEventRow>> {
        self.reader().run(move |connection| {
            let links = read::audit_links(connection, agent_id, since_seq, limit)?;
            links.into_iter().map(verify::AuditLink::into_row).collect()
        })
    }

    fn verify_audit(&self, agent_id: AgentId) -> StoreFuture<'_, ChainVerdict> {
        async move {
            let end =
                self.auditor().run(move |connection| read::chain_end(connection, agent_id)).await?;
            let mut walk = ChainWalk::new(agent_id, end);
            while let Some(since) = walk.next_page() {
                let began = Instant::now();
                // read and hashed on the auditor's thread, where only other verifications wait
                let page = self.auditor().run(move |connection| {
                    let links = read::audit_links(connection, agent_id, since, verify::PAGE)?;
                    walk.take(&links);
                    Ok(walk)
                });
                walk = page.await?;
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
        self.reader().run(move |connection| read::ledger(connection, agent_id, before_seq, limit))
    }

    fn wallet(&self, owner: Owner) -> StoreFuture<'_, Option<WalletView>> {
        self.reader().run(move |connection| administer::wallet(connection, owner))
    }

    fn find_agent(&self, tenant_id: TenantId, name: &str) -> StoreFuture<'_, Option<AgentId>> {
        let name = name.to_owned();
        self.reader().run(move |connection| administer::find_agent(connection, tenant_id, &name))
    }

    fn spent_today(&self) -> StoreFuture<'_, Usd> {
        self.lookups().run(administer::spent_today)
    }

    fn audit_standing(&self, kept: Option<Kept>) -> StoreFuture<'_, Standing> {
        self.reader().run(move |connection| parting::standing(connection, kept.as_ref()))
    }

    fn newest_checkpoint(&self) -> StoreFuture<'_, Option<Checkpoint>> {
        self.reader().run(parting::newest_checkpoint)
    }

    fn audit_breaks(&self) -> StoreFuture<'_, Vec<AuditBreak>> {
        self.reader().run(parting::audit_breaks)
    }

    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>> {
        self.reader().run(|connection| parting::open_partings(connection))
    }

    fn checkpoints(&self, after: i64, limit: u32) -> StoreFuture<'_, Vec<Checkpoint>> {
        self.reader().run(move |connection| audit::checkpoints(connection, after, limit))
    }

    fn next_chain(&self, after: Option<AgentId>) -> StoreFuture<'_, Option<AgentId>> {
        self.reader().run(move |connection| audit::next_agent(connection, after))
    }

    fn account_head(&self, agent_id: AgentId) -> StoreFuture<'_, Option<ChainHead>> {
        self.reader().run(move |connection| audit::account_head(connection, agent_id))
    }

    fn chain_events(
        &self,
        agent_id: AgentId,
        since_seq: i64,
        limit: u32,
    ) -> StoreFuture<'_, Vec<ChainEvent>> {
        self.reader()
            .run(move |connection| audit::chain_events(connection, agent_id, since_seq, limit))
    }

    fn audit_height(&self) -> StoreFuture<'_, AuditHeight> {
        self.reader().run(audit::height)
    }

    fn public_events(&self, before: PublicCursor, limit: u32) -> StoreFuture<'_, Vec<PublicEvent>> {
        self.reader().run(move |connection| audit::public_events(connection, &before, limit))
    }

    fn receipt(
        &self,
        agent_id: AgentId,
        receipt_id: ReceiptId,
    ) -> StoreFuture<'_, Option<Receipt>> {
        self.reader().run(move |connection| audit::receipt(connection, agent_id, receipt_id.0))
    }

    fn recent_invariants(
        &self,
        mark: Watermark,
        longest_call: Duration,
    ) -> StoreFuture<'_, RecentLook> {
        self.auditor().run(move |connection| recent::look(connection, &mark, longest_call))
    }

    /// Reads everything, so it does so beside the reader, on whom callers wait.
    fn invariants_within(&self, longest_call: Duration) -> StoreFuture<'_, Vec<Invariant>> {
        let ask = move |connection: &mut rusqlite::Connection| {
            doctor::invariants(connection, longest_call)
        };
        let Some(path) = &self.path else { return self.writer.run(ask) };
        async move { Worker::start("sqlite-doctor", connect::reader(path)?)?.run(ask).await }
            .boxed()
    }
}
