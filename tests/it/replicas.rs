//! Several processes on one PostgreSQL: one dies, one falls asleep, one may not start. The others
//! leave no call without its one row.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ainfera_mock::{MockSettings, MockUpstream};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, routed, streamed};
use crate::support::{Connection, provider};

const LIVE_STREAMS: usize = 50;
const HEARTBEAT: Duration = Duration::from_millis(200);
/// So long that a replica on a busy machine is not taken for dead.
const LEASE: Duration = Duration::from_secs(3);
/// Shorter than the lease of a gateway that is configured without one.
const PATIENCE: Duration = Duration::from_secs(25);

struct Site {
    database: Database,
    mock: MockUpstream,
    folder: TempDir,
    key: String,
}

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Site {
    async fn new() -> Self {
        let database = Database::postgres().await;
        let mock =
            provider::start(MockSettings { recorded_requests: 0, ..MockSettings::default() }).await;
        let mut site = Self { database, mock, folder: TempDir::new().unwrap(), key: String::new() };
        let config = site.config("key", "");
        let output = ainfera(&["keys", "create", "--agent", "tester"], &config);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        site.key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        site
    }

    fn config(&self, replica: &str, deadlines: &str) -> PathBuf {
        let plan = GatewayPlan {
            settings: format!("replica = {replica:?}\n"),
            deadlines: format!(
                "heartbeat = \"{}ms\"\nlease = \"{}ms\"\nhold = \"5s\"\n{deadlines}",
                HEARTBEAT.as_millis(),
                LEASE.as_millis()
            ),
            ..GatewayPlan::default()
        };
        let path = self.folder.path().join(format!("{replica}.toml"));
        std::fs::write(&path, config_text(&plan, &self.database.url(), &self.mock.base_url()))
            .unwrap();
        path
    }

    async fn open_streams(&self, process: &Process, prompt: &str, count: usize) -> Vec<Connection> {
        let mut body = streamed(routed(prompt));
        // small holds, so that the default daily cap carries all of them at once
        body["max_tokens"] = json!(100);
        let body = serde_json::to_vec(&body).unwrap();
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            let mut connection = Connection::open(process.address).await;
            connection.send("POST", "/v1/messages", &[("x-api-key", &self.key)], &body).await;
            if streams.is_empty() {
                // the key is looked up once, not by all of them at the same moment
                connection.read_until("text_delta").await;
            }
            streams.push(connection);
        }
        for stream in &mut streams {
            stream.read_until("text_delta").await;
        }
        streams
    }

    /// Waits until no call is open, and says how long that took.
    async fn nothing_open(&self) -> Duration {
        let start = Instant::now();
        while self.database.number("select count(*) from intents").await > 0 {
            assert!(start.elapsed() < PATIENCE, "calls are still open");
        }
        start.elapsed()
    }

    async fn assert_one_lost_row_each(&self, calls: usize) {
        let number = async |query: &str| self.database.number(query).await;
        assert_eq!(number("select count(*) from routing_outcomes").await, calls as i64);
        assert_eq!(number("select count(distinct request_id) from routing_outcomes where outcome_status = 'lost'").await, calls as i64);
        assert_eq!(
            number("select count(*) from transfers where kind = 'post'").await,
            calls as i64
        );
    }

    fn assert_healthy(&self, config: &Path) {
        let doctor = ainfera(&["doctor", "--json"], config);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    }
}

impl Process {
    fn start(config: &Path) -> Self {
        let mut child = command(&["serve"], config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ainfera starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{line:?}"))
            .parse()
            .unwrap();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Its exit code. Others go on meanwhile: the scripted provider lives on this thread.
    async fn exit_code(mut self) -> Option<i32> {
        let (ended, end) = oneshot::channel();
        std::thread::spawn(move || ended.send(self.child.wait().unwrap().code()));
        tokio::time::timeout(PATIENCE, end).await.expect("the process does not end").unwrap()
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    if tokio::net::TcpStream::connect(address).await.is_err() {
        return false;
    }
    let mut probe = Connection::open(address).await;
    probe.send("GET", "/readyz", &[], b"").await;
    probe.answer().await.status == 200
}

fn command(arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ainfera"));
    // the spool and the lock of a replica are in the folder where it is started
    command.args(arguments).arg("--config").arg(config).current_dir(config.parent().unwrap());
    command
}

fn ainfera(arguments: &[&str], config: &Path) -> Output {
    command(arguments, config).output().unwrap()
}

#[actix_rt::test]
async fn a_killed_replicas_calls_are_closed_by_another_within_the_lease() {
    let site = Site::new().await;
    let (one, two) = (site.config("one", ""), site.config("two", ""));
    let survivor = Process::start(&two);
    let victim = Process::start(&one);
    let streams =
        site.open_streams(&victim, "[[mock tokens=20 fault=hang_at at=6]]", LIVE_STREAMS).await;
    // what the survivor has open itself stays open
    let kept = site.open_streams(&survivor, "[[mock tokens=20 fault=hang_at at=6]]", 1).await;
    assert_eq!(site.database.number("select count(*) from intents").await, LIVE_STREAMS as i64 + 1);

    victim.signal("KILL");
    let killed = Instant::now();
    while site.database.number("select count(*) from intents").await > 1 {
        assert!(killed.elapsed() < PATIENCE, "calls are still open");
    }
    assert_eq!(victim.exit_code().await, None);
    site.assert_one_lost_row_each(LIVE_STREAMS).await;
    assert_eq!(site.database.number("select count(*) from intents").await, 1);
    site.assert_healthy(&two);
    drop((streams, kept));
    site.nothing_open().await;
    survivor.signal("TERM");
    assert_eq!(survivor.exit_code().await, Some(0));
}

#[actix_rt::test]
async fn a_replica_that_slept_through_its_lease_writes_nothing_twice_and_ends() {
    let site = Site::new().await;
    let (one, two) = (site.config("one", "drain = \"9s\"\n"), site.config("two", ""));
    let survivor = Process::start(&two);
    let sleeper = Process::start(&one);
    let mut finishing =
        site.open_streams(&sleeper, "[[mock tokens=100 delay_ms=80]]", LIVE_STREAMS).await;
    let hanging = site.open_streams(&sleeper, "[[mock tokens=20 fault=hang_at at=6]]", 1).await;
    let calls = LIVE_STREAMS + 1;

    sleeper.signal("STOP");
    let reaped_before = site.database.number("select count(*) from routing_outcomes").await;
    assert_eq!(reaped_before, 0, "the streams were to be longer than this");
    site.nothing_open().await;
    site.assert_one_lost_row_each(calls).await;

    sleeper.signal("CONT");
    let address = sleeper.address;
    for stream in &mut finishing {
        let answer = stream.answer().await;
        assert!(
            answer.complete && answer.text().contains("message_stop"),
            "a stream that was under way is finished"
        );
    }
    // the hanging stream keeps it from ending, but it takes nothing new: connections are refused,
    // or answered with 503
    let start = Instant::now();
    while is_ready(address).await {
        assert!(start.elapsed() < PATIENCE, "it never heard that it was given up");
    }
    assert_eq!(
        sleeper.exit_code().await,
        Some(1),
        "whoever restarts it should know that something was wrong"
    );
    drop(hanging);

    site.assert_one_lost_row_each(calls).await;
    let adjusts =
        site.database.number("select count(*) from transfers where kind = 'adjust'").await;
    let adjusted = site
        .database
        .number("select count(distinct request_id) from transfers where kind = 'adjust'")
        .await;
    assert_eq!(adjusts, adjusted, "at most one for each call");
    assert!(adjusts >= LIVE_STREAMS as i64, "what was answered is paid: {adjusts}");
    site.assert_healthy(&two);
    survivor.signal("TERM");
    assert_eq!(survivor.exit_code().await, Some(0));
}

#[actix_rt::test]
async fn a_server_that_may_forget_commits_is_refused_at_start() {
    let site = Site::new().await;
    let config = site.config("one", "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("allow_unsafe_durability = true", "allow_unsafe_durability = false"),
    )
    .unwrap();
    let refused = ainfera(&["serve"], &config);
    assert_eq!(refused.status.code(), Some(1));
    let message = String::from_utf8(refused.stderr).unwrap();
    assert!(
        message.contains("fsync = off") && message.contains("allow_unsafe_durability"),
        "{message}"
    );
    for works in [vec!["migrate"], vec!["doctor"], vec!["keys", "create", "--agent", "other"]] {
        assert!(ainfera(&works, &config).status.success(), "{works:?}");
    }
    assert_eq!(site.database.number("select count(*) from boots").await, 0);
}
