//! The embedded store: one file, one thread that writes, and three that read: for calls and probes,
//! for callers' pages, for whole chains.

mod adjust;
mod administer;
mod audit;
mod call;
mod capture;
mod connect;
mod doctor;
mod error;
mod idempotency;
mod insert;
mod migrate;
mod parting;
mod read;
mod recent;
mod register;
mod replica;
mod value;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::ReceiptId;
use ainfera_schema::audit_break::{AuditBreak, Declaration, Parting};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint, CheckpointSigner};
use ainfera_schema::{AgentId, BootId, InferenceId, RequestId, TenantId, Usd};
use futures_util::FutureExt;
use tokio::time::Instant;

use crate::invariants::Invariant;
use crate::invariants::recent::{RecentLook, Watermark};
use crate::parting::{Kept, Standing};
use crate::read::verify::{self, ChainWalk};
use crate::replica::{Heartbeat, OpenBoot, Reaped, Scope};
use crate::wallet::{Owner, WalletChange, WalletView};
use crate::{
    AuditEventRow, CallView, CaptureBatch, CaptureReply, ChainVerdict, InferenceView, LedgerView,
    NewAgent, Opening, Store, StoreError, StoreFuture, StoredKey, TenantRow,
};
use crate::{AuditHeight, ChainEvent, CheckpointResult, PublicCursor, PublicEvent, Receipt};
use value::{Key, Time};
use worker::Worker;

/// A store in a file, or in memory for tests. It is closed when dropped.
pub struct SqliteStore {
    writer: Worker,
    /// None in memory, where a second connection would wait for table locks.
    readers: Option<Readers>,
    /// None in memory.
    path: Option<PathBuf>,
}

/// A thread and a connection for each kind of reading, so that none waits for another.
struct Readers {
    /// What every call and every probe needs: keys, readiness.
    lookups: Worker,
    /// What callers read of their own rows.
    pages: Worker,
    /// Whole chains.
    auditor: Worker,
}

impl SqliteStore {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = Worker::start("sqlite-writer", connect::writer(path)?)?;
        let reader = |name| Worker::start(name, connect::reader(path)?);
        let readers = Readers {
            lookups: reader("sqlite-lookups")?,
            pages: reader("sqlite-reader")?,
            auditor: reader("sqlite-auditor")?,
        };
        Ok(Self { writer, readers: Some(readers), path: Some(path.to_owned()) })
    }

    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            writer: Worker::start("sqlite-writer", connect::in_memory()?)?,
            readers: None,
            path: None,
        })
    }

    fn reader(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.pages)
    }

    fn lookups(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.lookups)
    }

    fn auditor(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.auditor)
    }
}

impl SqliteStore {
    /// How many calls were closed. Each page is a job of its own, so that captures come in between.
    async fn reap_pages(&self, scope: Scope) -> Result<u64, StoreError> {
        let mut closed = 0;
        loop {
            let scope = scope.clone();
            match self.writer.run(move |connection| replica::reap_page(connection, &scope)).await? {
                Reaped::Some(calls) => closed += calls,
                Reaped::Nothing => return Ok(closed),
            }
        }
    }
}

impl Store for SqliteStore {
    fn migrate(&self) -> StoreFuture<'_, ()> {
        self.writer.run(migrate::migrate)
    }

    fn begin_boot(&self, boot_id: BootId, replica: &str) -> StoreFuture<'_, u64> {
        let replica = replica.to_owned();
        async move {
            let fenced = replica.clone();
            let fence = "UPDATE boots SET state = 'fenced' WHERE replica = ?1 AND state = 'open' AND boot_id <> ?2";
            self.writer.run(move |connection| Ok(connection.execute(fence, (fenced, Key(boot_id.0)))?)).await?;
            let closed = self.reap_pages(Scope::Replica(replica.clone())).await?;
            let insert = "INSERT INTO boots (boot_id, replica, state, started_at, heartbeat_at) VALUES (?1, ?2, 'open', ?3, ?3)
                ON CONFLICT (boot_id) DO NOTHING";
            self.writer.run(move |connection| Ok(connection.execute(insert, (Key(boot_id.0), replica, Time::now()))?)).await?;
            Ok(closed)
        }
        .boxed()
    }

    /// One process has the file, and a lock beside it says which: no other boot can run.
    fn open_boots(&self, _: &str) -> StoreFuture<'_, Vec<OpenBoot>> {
        async { Ok(Vec::new()) }.boxed()
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

    /// How durable it is, is set on each of our own connections.
    fn require_durability(&self) -> StoreFuture<'_, ()> {
        async { Ok(()) }.boxed()
    }

    fn end_boot(&self, boot_id: BootId) -> StoreFuture<'_, ()> {
        self.writer.run(move |connection| {
            let end = "UPDATE boots SET state = CASE WHEN EXISTS (SELECT 1 FROM intents WHERE boot_id = ?1) THEN 'fenced' ELSE 'closed' END
                WHERE boot_id = ?1 AND state = 'open'";
            connection.execute(end, (Key(boot_id.0),))?;
            Ok(())
        })
    }

    fn capture_shared(&self, batch: Arc<CaptureBatch>) -> StoreFuture<'_, CaptureReply> {
        self.writer.run(move |connection| capture::capture(connection, &batch))
    }

    fn give_up(&self, request_ids: Vec<RequestId>) -> StoreFuture<'_, u64> {
        self.writer.run(move |connection| replica::give_up(connection, &request_ids))
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.lookups().run(|connection| Ok(connection.query_row("SELECT 1", (), |_| Ok(()))?))
    }

    fn create_agent(&self, new: NewAgent, opening: Opening) -> StoreFuture<'_, AgentId> {
        self.writer.run(move |connection| register::create_agent(connection, new, opening))
    }

    fn tenants(&self, limit: u32) -> StoreFuture<'_, Vec<TenantRow>> {
        self.reader().run(move |connection| read::tenants(connection, limit))
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
        self.writer.run(move |connection| {
            let insert = "INSERT INTO api_keys (key_id, agent_id, secret_sha256, created_at) VALUES (?1, ?2, ?3, ?4)";
            connection.execute(insert, (key_id, Key(agent_id.0), secret_sha256, Time::now()))?;
            Ok(())
        })
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

    fn administer(
        &self,
        owner: Owner,
        change: WalletChange,
    ) -> StoreFuture<'_, Option<WalletView>> {
        self.writer.run(move |connection| administer::administer(connection, owner, &change))
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

    fn checkpoint(
        &self,
        signer: Arc<CheckpointSigner>,
        kept: Option<Kept>,
    ) -> StoreFuture<'_, CheckpointResult> {
        self.writer.run(move |connection| audit::checkpoint(connection, &signer, kept.as_ref()))
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

    fn note_parting(&self, parting: Parting) -> StoreFuture<'_, ()> {
        self.writer.run(move |connection| parting::note(connection, &parting))
    }

    fn open_partings(&self) -> StoreFuture<'_, Vec<Parting>> {
        self.reader().run(|connection| parting::open_partings(connection))
    }

    fn declare_break(
        &self,
        signer: Arc<CheckpointSigner>,
        declaration: Declaration,
    ) -> StoreFuture<'_, Option<AuditBreak>> {
        self.writer.run(move |connection| parting::declare(connection, declaration, &signer))
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
