//! The store goes away under load: new calls are told so at once, streams finish, and every row is
//! there when it is back, whatever dies meanwhile.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ainfera_mock::{MockSettings, MockUpstream};
use serde_json::json;
use tempfile::TempDir;

use crate::support::client::Answer;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, message_of, routed, streamed};
use crate::support::own_postgres::OwnPostgres;
use crate::support::{Connection, provider};

const STREAMS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a call may wait for a store that does not say that it is away (`deadlines.admission`).
const ADMISSION: Duration = Duration::from_secs(5);

/// The program itself, with its log in a file.
struct Process {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

/// A folder with a configuration, a spool and a key.
struct Site {
    folder: TempDir,
    config: PathBuf,
    key: String,
    mock: MockUpstream,
}

impl Site {
    async fn new(database_url: &str) -> Self {
        let mock =
            provider::start(MockSettings { recorded_requests: 0, ..MockSettings::default() }).await;
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("ainfera.toml");
        let plan = GatewayPlan {
            settings: "replica = \"one\"\n".to_owned(),
            deadlines: "spool_after = \"400ms\"\n".to_owned(),
            ..GatewayPlan::default()
        };
        let spool = folder.path().join("calls.spool");
        let text = config_text(&plan, database_url, &mock.base_url())
            .replace("[store]\n", &format!("[store]\nspool = {spool:?}\n"));
        std::fs::write(&config, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_ainfera"))
            .args(["keys", "create", "--agent", "a", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        Self { folder, config, key, mock }
    }

    fn start(&self) -> Process {
        let log = self.folder.path().join("log");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_ainfera"));
        serve
            .args(["serve", "--config"])
            .arg(&self.config)
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .stderr(stderr);
        let mut child = serve.spawn().expect("ainfera starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log_text = || std::fs::read_to_string(&log).unwrap_or_default();
        let address = line
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{}", log_text()))
            .parse()
            .unwrap();
        Process { child, address, log }
    }

    async fn begin(&self, process: &Process, prompt: &str) -> Connection {
        self.begin_with(process, prompt, &[]).await
    }

    async fn begin_with(
        &self,
        process: &Process,
        prompt: &str,
        headers: &[(&str, &str)],
    ) -> Connection {
        let mut body = streamed(routed(prompt));
        body["max_tokens"] = json!(60);
        let mut connection = Connection::open(process.address).await;
        let headers = [&[("x-api-key", self.key.as_str())], headers].concat();
        connection
            .send("POST", "/v1/messages", &headers, &serde_json::to_vec(&body).unwrap())
            .await;
        connection
    }

    async fn call(&self, process: &Process, prompt: &str) -> (Answer, Duration) {
        let started = Instant::now();
        let answer = self.begin(process, prompt).await.answer().await;
        (answer, started.elapsed())
    }

    fn spool_bytes(&self) -> u64 {
        std::fs::metadata(self.folder.path().join("calls.spool")).map_or(0, |file| file.len())
    }

    fn doctor(&self) {
        let doctor = Command::new(env!("CARGO_BIN_EXE_ainfera"))
            .args(["doctor", "--json", "--config"])
            .arg(&self.config)
            .output()
            .unwrap();
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    }
}

impl Process {
    /// Waits until a line of the metrics says so.
    async fn says(&self, line: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut connection = Connection::open(self.address).await;
            connection.send("GET", "/metrics", &[], b"").await;
            let text = connection.answer().await.text();
            if text.lines().any(|known| known == line) {
                return;
            }
            assert!(Instant::now() < deadline, "never {line:?}: {text}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

/// Streams that are live when the store goes and over while it is away; returns when all of them
/// are in the spool.
async fn finish_in_outage(site: &Site, process: &Process, postgres: &mut OwnPostgres) {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(site.begin(process, "[[mock tokens=20 delay_ms=40]]").await);
    }
    for stream in &mut streams {
        stream.read_until("text_delta").await;
    }
    postgres.stop();
    for _ in 0..5 {
        let (refused, took) = site.call(process, "hi").await;
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
        assert!(took < ADMISSION - Duration::from_secs(1), "it waited for the store: {took:?}");
    }
    for stream in &mut streams {
        message_of(&stream.answer().await);
    }
    process.says("ainfera_calls_in_flight 0").await;
    assert!(site.spool_bytes() > 0);
}

async fn succeeded(database: &Database) -> i64 {
    database.number("select count(*) from routing_outcomes where outcome_status = 'succeeded' and cost_actual_usd > 0").await
}

#[actix_rt::test]
async fn streams_outlive_the_store_and_their_rows_follow_when_it_is_back() {
    let mut postgres = OwnPostgres::start().await;
    let database = Database::Postgres { url: postgres.url() };
    let site = Site::new(&postgres.url()).await;
    let process = site.start();
    finish_in_outage(&site, &process, &mut postgres).await;
    postgres.start_again().await;
    let back = Instant::now();
    while site.call(&process, "hi").await.0.status != 200 {
        assert!(back.elapsed() < PATIENCE, "admissions do not come back\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.says("ainfera_calls_in_flight 0").await;
    process.says("ainfera_calls_spooled 0").await;
    assert_eq!(succeeded(&database).await, STREAMS as i64 + 1);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    assert_eq!(process.terminate(), Some(0));
    assert_eq!(site.spool_bytes(), 0, "what is in the store is not in the spool");
    site.doctor();
}

#[actix_rt::test]
async fn a_kill_during_the_outage_loses_no_row_and_no_truth() {
    let mut postgres = OwnPostgres::start().await;
    let database = Database::Postgres { url: postgres.url() };
    let site = Site::new(&postgres.url()).await;
    let process = site.start();
    let mut hanging = Vec::new();
    for _ in 0..3 {
        let mut stream = site.begin(&process, "[[mock tokens=20 fault=hang_at at=6]]").await;
        stream.read_until("text_delta").await;
        hanging.push(stream);
    }
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(site.begin(&process, "[[mock tokens=20 delay_ms=40]]").await);
    }
    for stream in &mut streams {
        stream.read_until("text_delta").await;
    }
    postgres.stop();
    for stream in &mut streams {
        message_of(&stream.answer().await);
    }
    process.says(&format!("ainfera_calls_spooled {STREAMS}")).await;
    process.kill();
    postgres.start_again().await;
    let process = site.start();
    assert_eq!(succeeded(&database).await, STREAMS as i64, "the rows say what happened");
    assert_eq!(
        database
            .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
            .await,
        3
    );
    assert_eq!(database.number("select count(*) from routing_outcomes").await, STREAMS as i64 + 3);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    assert_eq!(site.spool_bytes(), 0);
    assert_eq!(process.terminate(), Some(0));
    site.doctor();
    site.mock.wait_idle().await;
}

#[actix_rt::test]
async fn an_answer_that_went_through_the_spool_is_given_again_under_its_key() {
    let mut postgres = OwnPostgres::start().await;
    let site = Site::new(&postgres.url()).await;
    let process = site.start();
    let (prompt, key) = ("[[mock tokens=20 delay_ms=40]]", [("idempotency-key", "over-the-spool")]);
    let mut stream = site.begin_with(&process, prompt, &key).await;
    stream.read_until("text_delta").await;
    postgres.stop();
    let first = stream.answer().await;
    message_of(&first);
    process.says("ainfera_calls_spooled 1").await;
    process.kill();
    postgres.start_again().await;
    let process = site.start();
    let again = site.begin_with(&process, prompt, &key).await.answer().await;
    assert_eq!(
        (again.status, again.header("idempotent-replayed")),
        (200, Some("true")),
        "{}",
        again.text()
    );
    assert_eq!(again.text(), first.text());
    assert_eq!(again.header("x-ainfera-inference-id"), first.header("x-ainfera-inference-id"));
    assert_eq!(site.mock.stats().requests, 1, "the provider was asked once");
    assert_eq!(process.terminate(), Some(0));
    site.doctor();
}

#[actix_rt::test]
async fn a_spool_under_the_name_of_an_earlier_version_is_picked_up_once() {
    let mut postgres = OwnPostgres::start().await;
    let database = Database::Postgres { url: postgres.url() };
    let site = Site::new(&postgres.url()).await;
    let (former, text) =
        (site.folder.path().join("ainfera.spool"), std::fs::read_to_string(&site.config).unwrap());
    let place = format!("spool = {:?}\n", site.folder.path().join("calls.spool"));
    std::fs::write(&site.config, text.replace(&place, &format!("spool = {former:?}\n"))).unwrap();
    let process = site.start();
    let mut stream = site.begin(&process, "[[mock tokens=20 delay_ms=40]]").await;
    stream.read_until("text_delta").await;
    postgres.stop();
    message_of(&stream.answer().await);
    process.says("ainfera_calls_spooled 1").await;
    process.kill();
    postgres.start_again().await;
    std::fs::write(&site.config, text.replace(&place, "")).unwrap();
    let process = site.start();
    assert_eq!(succeeded(&database).await, 1, "{}", process.log());
    assert!(!former.exists(), "it is looked at once");
    let mut stream = site.begin(&process, "[[mock tokens=20 delay_ms=40]]").await;
    stream.read_until("text_delta").await;
    postgres.stop();
    message_of(&stream.answer().await);
    process.says("ainfera_calls_spooled 1").await;
    assert!(std::fs::metadata(site.folder.path().join("ainfera-one.spool")).unwrap().len() > 0);
    assert!(!former.exists());
    assert_eq!(process.terminate(), Some(0));
}

#[actix_rt::test]
async fn a_drain_without_the_store_is_a_success_when_all_is_in_the_spool() {
    let mut postgres = OwnPostgres::start().await;
    let database = Database::Postgres { url: postgres.url() };
    let site = Site::new(&postgres.url()).await;
    let process = site.start();
    finish_in_outage(&site, &process, &mut postgres).await;
    assert_eq!(process.terminate(), Some(0));
    postgres.start_again().await;
    let process = site.start();
    assert_eq!(succeeded(&database).await, STREAMS as i64);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    assert_eq!(process.terminate(), Some(0));
    site.doctor();
}

/// A filesystem of two megabytes.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .output()
            .unwrap();
        assert!(
            mounted.status.success(),
            "tests run as root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self(folder)
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    fn fill(&self) {
        use std::io::Write;
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        while filler.write_all(&[0; 1024]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path() as &Path).status();
    }
}

#[actix_rt::test]
async fn a_full_disk_stops_admissions_until_there_is_room() {
    let disk = SmallDisk::mount();
    let site = Site::new(&format!("sqlite://{}", disk.0.path().join("a.db").display())).await;
    let process = site.start();
    assert_eq!(site.call(&process, "hi").await.0.status, 200);
    process.says("ainfera_calls_in_flight 0").await;
    disk.fill();
    let full = Instant::now();
    loop {
        let (answer, _) = site.call(&process, "hi").await;
        if answer.status == 503 {
            assert!(answer.header("retry-after").is_some());
            break;
        }
        assert!(full.elapsed() < PATIENCE, "still admitted: {}", answer.text());
    }
    assert!(
        process.log().contains("store failed, admissions are refused until it is back"),
        "{}",
        process.log()
    );
    std::fs::remove_file(disk.filler()).unwrap();
    let room = Instant::now();
    while site.call(&process, "hi").await.0.status != 200 {
        assert!(room.elapsed() < PATIENCE, "admissions do not come back\n{}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(process.log().contains("store is back"));
    assert_eq!(process.terminate(), Some(0));
    site.doctor();
}
