//! A gateway of one's own: port 0, a fresh database, a scripted provider that speaks both dialects.

use std::net::SocketAddr;
use std::time::Duration;

use ainfera::config::Config;
use ainfera::server::Server;
use ainfera_mock::{MockSettings, MockUpstream};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{AgentId, TenantId, Usd};
use ainfera_store::{NewAgent, Opening};
use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Answer, Connection};
use super::database::Database;
use super::reading::whole_of;
use super::{authority, provider};

/// Cheapest first, as the router ranks them: chat, anthropic, chat, anthropic.
pub const MODELS: [&str; 4] = ["mistral-large-3", "gemini-3-1-pro", "gpt-5-5", "claude-opus-4-7"];

/// How a gateway of a test differs from the usual one.
pub struct GatewayPlan {
    /// TOML that goes before the tables.
    pub settings: String,
    pub deadlines: String,
    /// The tables `[breaker]` and `[retry]`.
    pub health: String,
    /// What every provider's table says besides.
    pub each_provider: String,
    /// Tables beside the usual ones; `MOCK` in them is the scripted provider's address.
    pub more_tables: String,
    pub spend_policy: SpendPolicy,
    pub funding: Usd,
}

impl Default for GatewayPlan {
    fn default() -> Self {
        Self {
            settings: String::new(),
            deadlines: "hold = \"5s\"\n".to_owned(),
            // one scripted provider gets all the faults of a test and must be asked each time
            health: "[breaker]\nenabled = false\n[retry]\nfloor_per_second = 1000000\n".to_owned(),
            each_provider: String::new(),
            more_tables: String::new(),
            spend_policy: SpendPolicy::default(),
            funding: "1000".parse().unwrap(),
        }
    }
}

pub struct Gateway {
    pub address: SocketAddr,
    pub key: String,
    pub agent_id: AgentId,
    pub mock: MockUpstream,
    pub database: Database,
    pub server: Server,
}

/// The configuration's text, for a gateway in this process or in another one.
pub fn config_text(plan: &GatewayPlan, database_url: &str, mock_url: &str) -> String {
    let mut text = format!(
        "listen = \"127.0.0.1:0\"\ndatabase = {database_url:?}\nworkers = 2\n{}\n[store]\nallow_unsafe_durability = true\n\n[deadlines]\n{}\n",
        plan.settings, plan.deadlines
    );
    text.push_str(&plan.health);
    for (id, kind) in [("chat", "openai_compatible"), ("anthropic", "anthropic")] {
        text.push_str(&format!(
            "[[providers]]\nid = \"{id}\"\nkind = \"{kind}\"\nbase_url = \"{mock_url}\"\n"
        ));
        text.push_str(&plan.each_provider);
    }
    let models = [
        (MODELS[0], "chat", "0.80", "2", "6"),
        (MODELS[1], "anthropic", "0.90", "1.25", "10"),
        (MODELS[2], "chat", "0.93", "5", "15"),
        (MODELS[3], "anthropic", "0.95", "15", "75"),
    ];
    for (slug, provider, q_prior, input, output) in models {
        text.push_str(&format!(
            "[[models]]\nslug = \"{slug}\"\nprovider = \"{provider}\"\nupstream_name = \"up-{slug}\"\nq_prior = \"{q_prior}\"\n\
             price = {{ input = \"{input}\", output = \"{output}\" }}\nm_allowed = true\n"
        ));
    }
    text.push_str("[[models]]\nslug = \"unpriced\"\nprovider = \"chat\"\n");
    text.push_str(
        "[[models]]\nslug = \"toolless\"\nprovider = \"chat\"\nsupports_tools = false\nprice = { input = \"1\", output = \"1\" }\n",
    );
    text.push_str(&plan.more_tables.replace("MOCK", mock_url));
    with_authority(&text)
}

/// Says who issued the certificate of each provider that is met over TLS, unless the next line of
/// its table does.
fn with_authority(text: &str) -> String {
    let next_lines = text.lines().skip(1).chain([""]);
    let lines = text.lines().zip(next_lines).map(|(line, next)| {
        let needs_authority =
            line.starts_with("base_url = \"https://localhost:") && !next.starts_with("ca_file");
        let authority = needs_authority.then(|| format!("\nca_file = {:?}", authority::file()));
        format!("{line}{}\n", authority.unwrap_or_default())
    });
    lines.collect()
}

impl Gateway {
    /// On SQLite.
    pub async fn start() -> Self {
        Self::with(GatewayPlan::default(), Database::sqlite()).await
    }

    pub async fn with(plan: GatewayPlan, database: Database) -> Self {
        let mock = provider::start(MockSettings::default()).await;
        let text = config_text(&plan, &database.url(), &mock.base_url());
        let config =
            Config::from_toml(&text, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
        let server = Server::start(config).await.expect("start");
        let store = server.store();
        let new = NewAgent {
            name: "tester".to_owned(),
            tenant_id: TenantId(Uuid::nil()),
            spend_policy: plan.spend_policy,
        };
        let agent_id =
            store.create_agent(new, Opening::Prepaid(plan.funding)).await.expect("agent");
        let key = ainfera::keys::mint().expect("key");
        store.add_key(agent_id, &key.key_id, key.secret_sha256).await.expect("key");
        Self {
            address: server.addr(),
            key: key.text.expose().to_owned(),
            agent_id,
            mock,
            database,
            server,
        }
    }

    /// One call on a connection of its own.
    pub async fn call(&self, body: &Value) -> Answer {
        self.call_with(body, &[]).await
    }

    pub async fn call_with(&self, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.post(&serde_json::to_vec(body).unwrap(), headers).await
    }

    pub async fn post(&self, body: &[u8], headers: &[(&str, &str)]) -> Answer {
        let mut connection = self.begin(body, headers).await;
        connection.answer().await
    }

    /// Sends a call and leaves the answer to the caller.
    pub async fn begin(&self, body: &[u8], headers: &[(&str, &str)]) -> Connection {
        let mut all = vec![("anthropic-version", "2023-06-01")];
        all.extend_from_slice(headers);
        self.begin_at("/v1/messages", body, &all).await
    }

    /// A call in another dialect than Anthropic's.
    pub async fn call_at(&self, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.begin_at(path, &serde_json::to_vec(body).unwrap(), headers).await.answer().await
    }

    pub async fn begin_at(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Connection {
        let mut connection = Connection::open(self.address).await;
        let mut all = vec![("x-api-key", self.key.as_str()), ("content-type", "application/json")];
        all.extend_from_slice(headers);
        connection.send("POST", path, &all, body).await;
        connection
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut connection = Connection::open(self.address).await;
        let mut all = vec![("x-api-key", self.key.as_str())];
        all.extend_from_slice(headers);
        connection.send("GET", path, &all, b"").await;
        connection.answer().await
    }

    /// Waits until the provider has been asked something that contains `text`. There is no event
    /// for it: looks again after each request of the provider.
    pub async fn mock_has_request_containing(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.mock.requests().iter().any(|request| request.body.to_string().contains(text)) {
            assert!(Instant::now() < deadline, "the provider never heard {text:?}");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until every row of every call so far is durable.
    pub async fn settled(&self) {
        let drained = self.server.gate().drained(Instant::now() + Duration::from_secs(20)).await;
        assert!(drained, "rows are still missing");
    }

    /// Stops and leaves the database for a look.
    pub async fn stop(self) -> Database {
        let code = self.server.drain().await;
        assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
        self.database
    }
}

/// A call to the routing name.
pub fn routed(prompt: &str) -> Value {
    json!({"model": "ainfera-inference", "max_tokens": 400, "messages": [{"role": "user", "content": prompt}]})
}

pub fn streamed(mut body: Value) -> Value {
    body["stream"] = json!(true);
    body
}

/// The same call under a floor that only models of the Anthropic dialect and dearer ones clear.
pub fn native(mut body: Value) -> Value {
    body["routing_hint"] = json!({"min_quality": "0.88"});
    body
}

pub fn with_tools(mut body: Value) -> Value {
    let tool = |name: &str| {
        json!({"name": name, "description": "a tool",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]}})
    };
    body["tools"] = json!([tool("get_weather"), tool("get_time")]);
    body
}

/// The message of a stream that succeeded.
pub fn message_of(answer: &Answer) -> Value {
    whole_of(ClientDialect::Messages, answer)
}
