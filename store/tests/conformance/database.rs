//! A fresh database for one test, and a way behind the store's back.

use std::sync::Arc;

use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, BootId, OutcomeStatus, RoutingOutcome, TenantId, Usd};
use ainfera_store::{Invariant, NewAgent, Opening, StoreWriter};

use crate::call::{admission, admissions, closing, closings};
use crate::postgres;

pub struct Database {
    pub store: Arc<dyn StoreWriter>,
    pub url: String,
    /// The same, with what the store alone understands.
    store_url: String,
    /// Removed at the end.
    _directory: Option<tempfile::TempDir>,
}

impl Database {
    pub async fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("ainfera.db").display());
        let store = ainfera_store::open(&url).await.unwrap();
        Self { store, store_url: url.clone(), url, _directory: Some(directory) }
    }

    pub async fn postgres() -> Self {
        let url = postgres::fresh_database().await;
        let store = ainfera_store::open(&url).await.unwrap();
        Self { store, store_url: url.clone(), url, _directory: None }
    }

    /// As behind a pooler: no session is relied on.
    pub async fn postgres_on_shared_sessions() -> Self {
        let url = postgres::fresh_database().await;
        let store_url = format!("{url}?pool_mode=transaction");
        let store = ainfera_store::open(&store_url).await.unwrap();
        Self { store, store_url, url, _directory: None }
    }

    /// Another replica on the same database.
    pub async fn open_again(other: &Database) -> Self {
        let store = ainfera_store::open(&other.store_url).await.unwrap();
        Self { store, store_url: other.store_url.clone(), url: other.url.clone(), _directory: None }
    }

    /// With the schema in place.
    pub async fn migrated(self) -> Self {
        self.store.migrate().await.unwrap();
        self
    }

    pub fn is_postgres(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// Runs statements on a connection of its own.
    pub async fn execute(&self, sql: &str) -> Result<(), String> {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                connection.execute_batch(sql).map_err(|error| error.to_string())
            }
            None => {
                let client = postgres::connect(&self.url).await;
                client.batch_execute(sql).await.map_err(|error| format!("{error:?}"))
            }
        }
    }

    /// The first column of every row, as text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        match self.url.strip_prefix("sqlite://") {
            Some(path) => {
                let connection = rusqlite::Connection::open(path).unwrap();
                let mut statement = connection.prepare(sql).unwrap();
                let rows =
                    statement.query_map((), |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
                rows.map(|value| match value.unwrap() {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => format!("{other:?}"),
                })
                .collect()
            }
            None => {
                let client = postgres::connect(&self.url).await;
                let rows = client.simple_query(sql).await.unwrap();
                let values = rows.iter().filter_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => {
                        Some(row.get(0).unwrap_or("null").to_owned())
                    }
                    _ => None,
                });
                values.collect()
            }
        }
    }

    pub async fn count(&self, table: &str) -> i64 {
        self.texts(&format!("SELECT count(*) FROM {table}")).await[0].parse().unwrap()
    }

    pub async fn agent(&self, funding: &str, spend_policy: SpendPolicy) -> (AgentId, TenantId) {
        let tenant_id = TenantId::mint();
        let new = NewAgent { name: "tester".to_owned(), tenant_id, spend_policy };
        let agent_id =
            self.store.create_agent(new, Opening::Prepaid(funding.parse().unwrap())).await.unwrap();
        (agent_id, tenant_id)
    }

    pub async fn boot(&self, replica: &str) -> BootId {
        let boot_id = BootId::mint();
        self.store.begin_boot(boot_id, replica).await.unwrap();
        boot_id
    }

    /// Lets these calls in, and records that each has succeeded.
    pub async fn calls_succeeded(&self, calls: &[RoutingOutcome], boot_id: BootId) {
        let admitted = calls.iter().map(|call| admission(call, boot_id, "0.1"));
        self.store.capture(admissions(admitted)).await.unwrap();
        let closed = calls.iter().map(|call| closing(call, OutcomeStatus::Succeeded));
        self.store.capture(closings(closed)).await.unwrap();
    }

    pub async fn wallet(&self, agent_id: AgentId) -> (Usd, Usd) {
        let view = self.store.ledger(agent_id, None, 1).await.unwrap().unwrap();
        (view.balance_usd, view.held_usd)
    }

    pub async fn broken_invariants(&self) -> Vec<Invariant> {
        let answers = self.store.invariants().await.unwrap();
        assert!(answers.len() > 8);
        answers.into_iter().filter(|invariant| !invariant.holds).collect()
    }

    pub async fn assert_sound(&self, agent_id: AgentId) {
        assert_eq!(self.broken_invariants().await, []);
        let verdict = self.store.verify_audit(agent_id).await.unwrap();
        assert!(verdict.valid, "{verdict:?}");
    }
}
