//! The half of the store that answers.

use std::time::Duration;

use ainfera_schema::audit_break::{AuditBreak, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint};
use ainfera_schema::{AgentId, InferenceId, ReceiptId, RequestId, TenantId, Usd};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::{
    ANSWER, FIRST_ANSWER, INVARIANTS, PostgresStore, administer, audit, call, durability, parting,
    quarantine, read, recent, replica, within,
};
use crate::read::verify;
use crate::read::verify::ChainWalk;
use crate::{
    AuditEventRow, AuditHeight, CallView, ChainEvent, ChainVerdict, InferenceView, Invariant, Kept,
    LedgerView, OpenBoot, Owner, PublicCursor, PublicEvent, QuarantineScope, QuarantinedRecord,
    Receipt, RecentLook, Standing, StoreFuture, StoreReader, StoredKey, TenantRow, WalletView,
    Watermark,
};

impl StoreReader for PostgresStore {
    fn open_boots(&self, replica: &str) -> StoreFuture<'_, Vec<OpenBoot>> {
        let replica = replica.to_owned();
        async move { within(FIRST_ANSWER, replica::open_boots(&self.writers, &replica)).await }
            .boxed()
    }

    fn require_durability(&self) -> StoreFuture<'_, ()> {
        within(FIRST_ANSWER, durability::require(&self.writers)).boxed()
    }

    fn waiting_in_quarantine(&self) -> StoreFuture<'_, i64> {
        within(ANSWER, quarantine::waiting(&self.lookups)).boxed()
    }

    fn quarantined(
        &self,
        scope: QuarantineScope,
        limit: u32,
    ) -> StoreFuture<'_, Vec<QuarantinedRecord>> {
        within(ANSWER, quarantine::list(&self.readers, scope, limit)).boxed()
    }

    fn quarantined_record(
        &self,
        request_id: RequestId,
    ) -> StoreFuture<'_, Option<QuarantinedRecord>> {
        within(ANSWER, quarantine::find_one(&self.readers, request_id)).boxed()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        within(ANSWER, read::ping(&self.lookups)).boxed()
    }

    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>> {
        within(ANSWER, read::tenants(&self.readers, limit)).boxed()
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

    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>> {
        within(ANSWER, parting::open_partings(&self.readers)).boxed()
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
