//! What `/readyz` says in each situation that an operator meets, and that calls agree with it.
//! `/healthz` answers in all of them.

use serde_json::json;
use tokio::time::{Duration, Instant};

use crate::support::GatewayPlan;
use crate::support::client::{Answer, Connection};
use crate::support::gateway::{MODELS, message_of, routed, streamed};
use crate::support::own_postgres::OwnPostgres;
use crate::support::postgres::connect;
use crate::support::process::{Process, Site};

const PATIENCE: Duration = Duration::from_secs(30);

/// Something that happens to a gateway that was well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    Nothing,
    StoreAway,
    /// As a primary that was demoted.
    StoreReadOnly,
    /// Nothing more can be written to the disk, and nobody has called since.
    DiskFull,
    /// The store was away, and what ended meanwhile could not be written to the disk either.
    SpoolUnwritable,
    KeyRefused,
    EveryProviderSetAside,
    Draining,
    /// A second gateway of the same configuration was started and failed.
    SecondStart,
    /// Another session holds the lock of one account.
    AccountLocked,
    /// Every connection for callers' reads is taken by a read that does not end.
    ReadsExhausted,
}

impl Situation {
    /// A provider that is set aside is tried now and then, and refuses as long as its key is wrong.
    fn prompt(self) -> &'static str {
        match self {
            Situation::EveryProviderSetAside => REFUSED,
            _ => "hello",
        }
    }
}

const REFUSED: &str = "[[mock fault=refuse_status status=401]]";

/// What is right: the status of `/readyz`, what its body says, and the status of a call.
type Right = (u16, &'static str, u16);

const TABLE: [(Situation, Right); 11] = [
    (Situation::Nothing, (200, r#"{"status":"ready"}"#, 200)),
    (Situation::StoreAway, (503, "store_unreachable", 503)),
    (Situation::StoreReadOnly, (503, "store_takes_no_writes", 503)),
    (Situation::DiskFull, (503, "store_takes_no_writes", 503)),
    (Situation::SpoolUnwritable, (200, r#""spool":"unwritable""#, 200)),
    (Situation::KeyRefused, (200, r#""reason":"key_refused""#, 200)),
    (Situation::EveryProviderSetAside, (200, r#""providers":"all_set_aside""#, 503)),
    // balancers are told before calls are refused
    (Situation::Draining, (503, "draining", 200)),
    (Situation::SecondStart, (200, r#"{"status":"ready"}"#, 200)),
    (Situation::AccountLocked, (200, r#"{"status":"ready"}"#, 200)),
    (Situation::ReadsExhausted, (200, r#"{"status":"ready"}"#, 200)),
];

/// The gateway, and what is to be kept while it is looked at.
struct Scene {
    site: Site,
    process: Process,
    postgres: Option<OwnPostgres>,
    session: Option<tokio_postgres::Client>,
    readers: Vec<Connection>,
}

impl Scene {
    async fn set(situation: Situation) -> Self {
        let plan = GatewayPlan {
            settings: "replica = \"one\"\n".to_owned(),
            deadlines: "heartbeat = \"200ms\"\nspool_after = \"400ms\"\ndrain_least = \"60s\"\n\
                        acknowledge = \"1s\"\n"
                .to_owned(),
            health: String::new(),
            more_tables: "[limits]\nreads_per_key = 100\n".to_owned(),
            ..GatewayPlan::default()
        };
        let postgres = match situation {
            Situation::DiskFull | Situation::SecondStart => None,
            _ => Some(OwnPostgres::start().await),
        };
        let url = postgres.as_ref().map(OwnPostgres::url);
        let site = Site::new(&plan, url.as_deref()).await;
        let process = site.serve(&[]);
        let mut scene = Self { site, process, postgres, session: None, readers: Vec::new() };
        message_of(&scene.call("hello").await);
        scene.happen(situation).await;
        scene
    }

    async fn happen(&mut self, situation: Situation) {
        match situation {
            Situation::Nothing => {}
            Situation::StoreAway => self.postgres.as_mut().unwrap().stop(),
            Situation::StoreReadOnly => {
                let set = "ALTER SYSTEM SET default_transaction_read_only = on";
                self.execute(set).await.batch_execute("SELECT pg_reload_conf()").await.unwrap();
            }
            Situation::DiskFull => self.allow_file_sizes("1"),
            Situation::SpoolUnwritable => self.finish_without_store_and_disk().await,
            Situation::KeyRefused => self.refuse(&MODELS[..1]).await,
            Situation::EveryProviderSetAside => self.refuse(&MODELS[..2]).await,
            Situation::Draining => {
                self.process.signal("TERM");
                self.process.logged("stopping").await;
            }
            Situation::SecondStart => {
                let second = self.site.command(&["serve", "--listen", "127.0.0.1:0"]);
                assert!(!second.status.success());
            }
            Situation::AccountLocked => {
                let made = self.site.command(&["keys", "create", "--agent", "other"]);
                assert!(made.status.success());
                let lock = "BEGIN; SELECT * FROM accounts a JOIN agents g USING (agent_id) \
                            WHERE g.name = 'other' FOR UPDATE";
                self.session = Some(self.execute(lock).await);
                let key = String::from_utf8(made.stdout).unwrap();
                self.readers.push(self.send("POST", "/v1/messages", key.trim()).await);
            }
            Situation::ReadsExhausted => {
                let lock = "BEGIN; LOCK audit_checkpoints IN ACCESS EXCLUSIVE MODE";
                self.session = Some(self.execute(lock).await);
                for _ in 0..12 {
                    let key = self.site.key.clone();
                    self.readers.push(self.send("GET", "/v1/audit/height", &key).await);
                }
            }
        }
    }

    async fn execute(&self, statements: &str) -> tokio_postgres::Client {
        let client = connect(&self.postgres.as_ref().unwrap().url()).await;
        client.batch_execute(statements).await.unwrap();
        client
    }

    async fn send(&self, method: &str, path: &str, key: &str) -> Connection {
        let mut connection = Connection::open(self.process.address).await;
        let body = serde_json::to_vec(&streamed(routed("hello"))).unwrap();
        let body = if method == "POST" { &body[..] } else { b"" };
        let headers = [("x-api-key", key), ("anthropic-version", "2023-06-01")];
        connection.send(method, path, &headers, body).await;
        connection
    }

    /// How large a file of the gateway may become: beyond that, writes fail as on a full disk.
    fn allow_file_sizes(&self, bytes: &str) {
        let mut limit = std::process::Command::new("prlimit");
        limit
            .arg("--pid")
            .arg(self.process.id().to_string())
            .arg(format!("--fsize={bytes}:unlimited"));
        assert!(limit.status().unwrap().success());
    }

    async fn finish_without_store_and_disk(&mut self) {
        let body = streamed(routed("[[mock tokens=20 delay_ms=40]]"));
        let mut stream = self.site.begin(self.process.address, &body).await;
        stream.read_until("text_delta").await;
        self.allow_file_sizes("1");
        self.postgres.as_mut().unwrap().stop();
        message_of(&stream.answer().await);
        self.process.logged("spool cannot be written").await;
        self.postgres.as_mut().unwrap().start_again().await;
        self.process.logged("store is back").await;
        self.allow_file_sizes("unlimited");
    }

    /// The keys of the providers of these models are refused.
    async fn refuse(&self, models: &[&str]) {
        for model in models {
            let body = json!({"model": model, "max_tokens": 64, "messages": [
                {"role": "user", "content": REFUSED}]});
            assert_eq!(self.site.call(self.process.address, &body).await.status, 502);
        }
    }

    async fn call(&self, prompt: &str) -> Answer {
        self.site.call(self.process.address, &streamed(routed(prompt))).await
    }

    /// Waits until readiness is as it shall be, and calls too.
    async fn is(&self, situation: Situation, (status, says, called): Right) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ready = self.site.get(self.process.address, "/readyz").await;
            if ready.status == status && ready.text().contains(says) {
                break;
            }
            let seen = format!("{} {}", ready.status, ready.text());
            assert!(
                Instant::now() < deadline,
                "{situation:?}: /readyz {seen}\n{}",
                self.process.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answer = self.call(situation.prompt()).await;
        let seen = (answer.status, answer.text());
        assert_eq!(seen.0, called, "{situation:?}: a call is answered {}", seen.1);
        // what a call met does not change what is said
        let ready = self.site.get(self.process.address, "/readyz").await;
        assert_eq!(
            (ready.status, ready.text().contains(says)),
            (status, true),
            "{situation:?}: {}",
            ready.text()
        );
        assert_eq!(self.site.get(self.process.address, "/healthz").await.status, 200);
    }
}

#[actix_rt::test]
async fn readiness_says_what_calls_will_meet() {
    for (situation, right) in TABLE {
        let scene = Scene::set(situation).await;
        scene.is(situation, right).await;
        scene.process.kill();
    }
}

#[actix_rt::test]
async fn readiness_comes_back_with_the_room_on_the_disk() {
    let scene = Scene::set(Situation::DiskFull).await;
    scene.is(Situation::DiskFull, (503, "store_takes_no_writes", 503)).await;
    scene.allow_file_sizes("unlimited");
    scene.is(Situation::Nothing, (200, r#"{"status":"ready"}"#, 200)).await;
    scene.process.kill();
}
