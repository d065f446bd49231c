//! Everything that one fault needs around a gateway: a database, a provider, a configuration, an
//! agent with money and a key.

use std::path::PathBuf;

use ainfera_mock::{MockSettings, MockUpstream};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, TenantId, Usd};
use ainfera_store::{NewAgent, Opening};
use tempfile::TempDir;
use uuid::Uuid;

use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::config_text;

pub struct Site {
    pub config: PathBuf,
    pub database: Database,
    /// It stops with the site.
    pub mock: MockUpstream,
    pub key: String,
    pub agents: Vec<AgentId>,
    pub folder: TempDir,
}

impl Site {
    pub async fn new(database: Database, settings: &str, deadlines: &str) -> Self {
        Self::with_upstream(database, settings, deadlines, |mock| mock.to_owned()).await
    }

    /// `upstream` may put something between the gateway and the provider.
    pub async fn with_upstream(
        database: Database,
        settings: &str,
        deadlines: &str,
        upstream: impl FnOnce(&str) -> String,
    ) -> Self {
        let mock =
            MockUpstream::start(MockSettings { recorded_requests: 0, ..MockSettings::default() })
                .await
                .unwrap();
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("ainfera.toml");
        let plan = GatewayPlan {
            settings: format!("replica = \"one\"\nmax_in_flight = 20000\n{settings}"),
            deadlines: deadlines.to_owned(),
            ..GatewayPlan::default()
        };
        std::fs::write(&config, config_text(&plan, &database.url(), &upstream(&mock.base_url())))
            .unwrap();
        let mut site =
            Self { config, database, mock, key: String::new(), agents: Vec::new(), folder };
        site.key = site.new_agent("100000".parse().unwrap()).await;
        site
    }

    /// A new agent with this much money; its key.
    pub async fn new_agent(&mut self, funding: Usd) -> String {
        let store = ainfera_store::open(&self.database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let name = format!("agent-{}", self.agents.len());
        let new = NewAgent {
            name,
            tenant_id: TenantId(Uuid::nil()),
            spend_policy: SpendPolicy::default(),
        };
        let agent_id = store.create_agent(new, Opening::Prepaid(funding)).await.unwrap();
        let key = ainfera::keys::mint().unwrap();
        store.add_key(agent_id, &key.key_id, key.secret_sha256).await.unwrap();
        self.agents.push(agent_id);
        key.text.expose().to_owned()
    }
}
