//! A record that the database refuses for good: the call keeps a row, the record waits in
//! quarantine, and an operator puts it back or dismisses it.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::doctor::execute;
use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::process::{Process, Site};

/// From outside: the row of a whole answer that succeeded is not taken any more.
const PLANTED_ON_SQLITE: &str = "CREATE TRIGGER planted BEFORE INSERT ON inferences
    WHEN NEW.outcome_status = 'succeeded' AND NEW.streamed = 0
    BEGIN SELECT RAISE(ABORT, 'planted'); END";
const PLANTED_ON_POSTGRES: &str = "ALTER TABLE inferences ADD CONSTRAINT planted
    CHECK (NOT (outcome_status = 'succeeded' AND NOT streamed)) NOT VALID";

const ROWS: &str = "select count(*) from routing_outcomes";
const LOST: &str = "select count(*) from routing_outcomes where outcome_status = 'lost'";
const OPEN: &str = "select count(*) from intents";
const HOLDERS: &str = "select count(*) from accounts where held <> 0 or held_elsewhere <> 0";
const WAITING: &str = "select count(*) from quarantine where state = 'waiting'";
const ADJUSTED: &str = "select count(*) from transfers where kind = 'adjust'";

struct Bench {
    site: Site,
    database: Database,
}

impl Bench {
    async fn new(postgres: Option<Database>) -> Self {
        let plan =
            GatewayPlan { settings: "replica = \"east\"\n".to_owned(), ..GatewayPlan::default() };
        let url = postgres.as_ref().map(Database::url);
        let site = Site::new(&plan, url.as_deref()).await;
        let database = postgres.unwrap_or_else(|| Database::at(&site.folder.path().join("a.db")));
        let planted = match database {
            Database::Sqlite { .. } => PLANTED_ON_SQLITE,
            Database::Postgres { .. } => PLANTED_ON_POSTGRES,
        };
        execute(&database, planted).await;
        Self { site, database }
    }

    /// A call whose record is refused, and one after it, which does not wait for it.
    async fn refused_call(&self, process: &Process) -> String {
        let answer = self.site.call(process.address, &routed("[[mock tokens=9]]")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        message_of(&self.site.call(process.address, &streamed(routed("hi"))).await);
        answer.header("request-id").unwrap().to_owned()
    }

    async fn numbers<const N: usize>(&self, queries: [&str; N]) -> [i64; N] {
        let mut numbers = [0; N];
        for (place, query) in queries.into_iter().enumerate() {
            numbers[place] = self.database.number(query).await;
        }
        numbers
    }

    /// Asks until it is so; there is no event for it.
    async fn becomes<const N: usize>(&self, queries: [&str; N], expected: [i64; N]) {
        let wait = async { while self.numbers(queries).await != expected {} };
        let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
        waited.unwrap_or_else(|_| panic!("{queries:?} never were {expected:?}"));
    }

    /// What the ledger took for a call, in nano-dollars.
    async fn charged(&self, id: &str) -> i64 {
        let unit = if self.database.name() == "postgres" { 1_000_000_000 } else { 1 };
        let uuid = uuid::Uuid::parse_str(id.strip_prefix("req_").unwrap()).unwrap();
        let query = format!(
            "select cast({unit} * sum(case when debit_account like 'wallet:%' then amount \
             else -amount end) as bigint) from transfers where request_id = '{uuid}'"
        );
        self.database.number(&query).await
    }

    fn command(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.site.command(arguments);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    async fn says(&self, process: &Process, line: &str) {
        let metrics = self.site.get(process.address, "/metrics").await.text();
        assert!(metrics.lines().any(|known| known == line), "{line}: {metrics}");
    }

    fn file(&self) -> PathBuf {
        let entries = std::fs::read_dir(self.site.folder.path()).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let refused = |path: &PathBuf| path.extension().is_some_and(|end| end == "refused");
        paths.find(refused).unwrap_or_default()
    }
}

/// The call is lost, its record waits, and the log and the metrics say so.
async fn a_record_is_refused(bench: &Bench, process: &Process) -> String {
    let name = bench.database.name();
    bench.says(process, "ainfera_quarantined 0").await;
    let id = bench.refused_call(process).await;
    process.logged("the refused record is in quarantine").await;
    process.logged("the store refuses this record for good").await;
    let log = process.log();
    let told = log.lines().find(|line| line.contains("refuses this record for good")).unwrap();
    for part in ["ERROR", &id, "\"agent_id\":\"", "\"cost_usd\":\"0.", "planted"] {
        assert!(told.contains(part), "{name}: {part}: {told}");
    }
    bench.becomes([OPEN, WAITING], [0, 1]).await;
    let counts = bench.numbers([ROWS, LOST, HOLDERS, WAITING, ADJUSTED]).await;
    assert_eq!(counts, [2, 1, 0, 1, 0], "{name}");
    bench.says(process, "ainfera_quarantined 1").await;
    id
}

/// What the doctor and the commands say of a record that waits. Returns what `show` says.
fn it_is_seen(bench: &Bench, id: &str) -> Value {
    let name = bench.database.name();
    let (code, text) = bench.command(&["doctor"]);
    assert_eq!(code, Some(28), "{name}: {text}");
    assert!(text.contains(&format!("in quarantine: {id}  agent ")), "{name}: {text}");
    let (code, listed) = bench.command(&["quarantine", "list"]);
    assert!(code == Some(0) && listed.starts_with(id) && listed.contains("\"east\""), "{listed}");
    let (code, shown) = bench.command(&["quarantine", "show", id]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &shown["state"]), (Some(0), &json!("waiting")), "{name}");
    assert_eq!(shown["record"]["status"], "succeeded", "{name}: {shown}");
    shown
}

async fn it_is_put_back(bench: &Bench, id: &str, shown: &Value) {
    let name = bench.database.name();
    let before = bench.charged(id).await;
    let (code, text) = bench.command(&["quarantine", "put-back", id, "--by", "ada"]);
    assert_eq!(code, Some(0), "{name}: {text}");
    let cost: ainfera_schema::Usd = shown["cost_usd"].as_str().unwrap().parse().unwrap();
    assert_ne!(before, cost.nanos(), "{name}: there is nothing to adjust");
    assert_eq!(bench.charged(id).await, cost.nanos(), "{name}");
    assert_eq!(bench.numbers([ROWS, LOST, WAITING, ADJUSTED]).await, [2, 1, 0, 1], "{name}");
    let (code, text) = bench.command(&["quarantine", "put-back", id]);
    assert!(code == Some(1) && text.contains("settled before"), "{name}: {text}");
}

async fn an_operator_puts_one_back_and_dismisses_another(bench: Bench) {
    let name = bench.database.name();
    let process = bench.site.serve(&[]);
    let id = a_record_is_refused(&bench, &process).await;
    let shown = it_is_seen(&bench, &id);
    it_is_put_back(&bench, &id, &shown).await;

    let other = bench.refused_call(&process).await;
    bench.becomes([OPEN, WAITING], [0, 1]).await;
    let (code, text) = bench.command(&["quarantine", "dismiss", &other, "--reason", " "]);
    assert!(code == Some(1) && text.contains("reason is empty"), "{name}: {text}");
    let arguments = ["quarantine", "dismiss", &other, "--reason", "refunded by hand"];
    assert_eq!(bench.command(&arguments).0, Some(0), "{name}");
    assert_eq!(bench.numbers([ROWS, LOST, WAITING, ADJUSTED]).await, [4, 2, 0, 1], "{name}");
    bench.says(&process, "ainfera_quarantined 0").await;
    let told = "select count(*) from audit_events where event_type like 'quarantine.%'";
    assert_eq!(bench.database.number(told).await, 2, "{name}");
    let (code, text) = bench.command(&["quarantine", "list", "--all"]);
    assert!(code == Some(0) && text.contains("refunded by hand"), "{name}: {text}");
    let (code, text) = bench.command(&["doctor"]);
    assert_eq!(code, Some(0), "{name}: {text}");
    assert_eq!(process.stop().await, Some(0), "{name}");
}

#[actix_rt::test]
async fn an_operator_puts_a_refused_record_back_and_dismisses_another_on_sqlite() {
    an_operator_puts_one_back_and_dismisses_another(Bench::new(None).await).await;
}

#[actix_rt::test]
async fn an_operator_puts_a_refused_record_back_and_dismisses_another_on_postgres() {
    let database = Database::postgres().await;
    an_operator_puts_one_back_and_dismisses_another(Bench::new(Some(database)).await).await;
}

#[actix_rt::test]
async fn a_record_that_not_even_quarantine_takes_waits_in_a_file_for_the_next_start() {
    for database in [None, Some(Database::postgres().await)] {
        let bench = Bench::new(database).await;
        let name = bench.database.name();
        let process = bench.site.serve(&[]);
        execute(&bench.database, "ALTER TABLE quarantine RENAME TO hidden").await;
        let id = bench.refused_call(&process).await;
        // the stop waits until it is kept
        assert_eq!(process.stop().await, Some(0), "{name}");
        assert!(bench.file().exists(), "{name}");
        execute(&bench.database, "ALTER TABLE hidden RENAME TO quarantine").await;
        assert_eq!(bench.numbers([ROWS, LOST, OPEN, WAITING]).await, [2, 1, 0, 0], "{name}");

        let process = bench.site.serve(&[]);
        assert_eq!(bench.numbers([ROWS, LOST, OPEN, WAITING]).await, [2, 1, 0, 1], "{name}");
        assert!(!bench.file().exists(), "{name}");
        let (_, listed) = bench.command(&["quarantine", "list"]);
        assert!(listed.starts_with(&id) && listed.contains("planted"), "{name}: {listed}");
        assert_eq!(process.stop().await, Some(0), "{name}");
    }
}
