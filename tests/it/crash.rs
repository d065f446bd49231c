//! kill -9: a process that dies with calls open leaves, after its next start, one row for each call
//! that it had admitted.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use ainfera_mock::MockSettings;
use tempfile::TempDir;

use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, routed, streamed};
use crate::support::{Connection, provider};

const KILLS: usize = 10;
const LIVE_STREAMS: usize = 200;

/// The program itself, as an operator runs it.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(config: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ainfera"))
            .args(["serve", "--config"])
            .arg(config)
            // the spool and the lock of a replica are in the folder where it is started
            .current_dir(config.parent().unwrap())
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

    /// SIGKILL: nothing of it runs any more, not a single Drop.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn terminate(mut self) -> Option<i32> {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        self.child.wait().unwrap().code()
    }
}

fn create_key(config: &std::path::Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(["keys", "create", "--agent", "tester", "--config"])
        .arg(config)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

async fn open_stream(address: SocketAddr, key: &str, body: &[u8]) -> Connection {
    let mut connection = Connection::open(address).await;
    connection.send("POST", "/v1/messages", &[("x-api-key", key)], body).await;
    connection
}

async fn ten_kills(database: Database) {
    let name = database.name();
    let mock =
        provider::start(MockSettings { recorded_requests: 0, ..MockSettings::default() }).await;
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("ainfera.toml");
    let plan = GatewayPlan { settings: "replica = \"one\"\n".to_owned(), ..GatewayPlan::default() };
    let mut file = std::fs::File::create(&config).unwrap();
    file.write_all(config_text(&plan, &database.url(), &mock.base_url()).as_bytes()).unwrap();
    let key = create_key(&config);
    // small holds, so that the default daily cap carries two hundred of them at once
    let mut body = streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"));
    body["max_tokens"] = serde_json::json!(30);
    let hanging = serde_json::to_vec(&body).unwrap();

    let mut acknowledged = 0;
    for round in 0..KILLS {
        let process = Process::start(&config);
        let mut streams = Vec::with_capacity(LIVE_STREAMS);
        for _ in 0..LIVE_STREAMS {
            streams.push(open_stream(process.address, &key, &hanging).await);
        }
        // all of them are live: each client has content, so each was admitted
        for stream in &mut streams {
            stream.read_until("text_delta").await;
        }
        // and some more are anywhere between their first byte and their admission
        for _ in 0..20 {
            streams.push(open_stream(process.address, &key, &hanging).await);
        }
        acknowledged += LIVE_STREAMS as i64;
        process.kill();
        drop(streams);
        let open_intents = database.number("select count(*) from intents").await;
        assert!(
            (LIVE_STREAMS as i64..=LIVE_STREAMS as i64 + 20).contains(&open_intents),
            "{name} round {round}: {open_intents}"
        );
    }
    let process = Process::start(&config);
    let rows = database.number("select count(*) from routing_outcomes").await;
    let lost = database
        .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
        .await;
    assert!(
        rows >= acknowledged && rows <= acknowledged + KILLS as i64 * 20,
        "{name}: {rows} rows for {acknowledged} acknowledged calls"
    );
    assert_eq!(rows, lost, "{name}");
    assert_eq!(database.number("select count(*) from intents").await, 0, "{name}");
    assert_eq!(
        database.number("select count(distinct request_id) from routing_outcomes").await,
        rows,
        "{name}: none twice"
    );
    assert_eq!(
        database.number("select count(*) from routing_outcomes where cost_actual_usd > 0").await,
        rows,
        "{name}: none for nothing"
    );
    assert_eq!(process.terminate(), Some(0), "{name}: a drained stop is a success");
    let doctor = Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(["doctor", "--json", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(doctor.status.success(), "{name}: {}", String::from_utf8_lossy(&doctor.stdout));
    mock.wait_idle().await;
}

#[actix_rt::test]
async fn ten_kills_under_two_hundred_streams_lose_no_row_on_sqlite() {
    ten_kills(Database::sqlite()).await;
}

#[actix_rt::test]
async fn ten_kills_under_two_hundred_streams_lose_no_row_on_postgres() {
    ten_kills(Database::postgres().await).await;
}
