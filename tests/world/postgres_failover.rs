//! PostgreSQL's primary dies under load and its standby takes over.

use serde_json::json;
use tokio::time::{Duration, Instant};
use uuid::Uuid;

use crate::answered::{Answered, without_row};
use crate::load::calls;
use crate::programs::postgres_pair::{Commit, PostgresPair};
use crate::support::client::{Answer, Connection};
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::{Process, Site};

const CALLERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);

#[actix_rt::test]
async fn no_acknowledged_answer_is_without_its_row_after_a_synchronous_standby_takes_over() {
    let mut pair = PostgresPair::start(Commit::Synchronous).await;
    let site = Site::new(&GatewayPlan::default(), Some(&pair.url())).await;
    let process = site.serve(&[]);
    let answered = Answered::default();
    let operator = async {
        answered.reach(calls(100, 2000)).await;
        pair.fail_over();
        answered.reach_more(calls(50, 1000)).await;
        answered.end();
        becomes_ready(&site, &process).await;
    };
    let callers = (0..CALLERS).map(|_| answered.caller(&site, &process));
    let (acknowledged, ()) = futures_util::join!(futures_util::future::join_all(callers), operator);
    assert_eq!(written_again(&site, &process).await, 0);
    assert_eq!(process.stop().await, Some(0));
    let missing = without_row(&acknowledged.concat(), &pair.standby_url()).await;
    assert_eq!(missing, [] as [Uuid; 0]);
}

/// How many rows a gateway says it has told the new server.
async fn written_again(site: &Site, process: &Process) -> usize {
    let metrics = site.get(process.address, "/metrics").await.text();
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("ainfera_rows_written_again_total "));
    line.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

/// A call with another key than the site's, or with a name of its own for it.
async fn call_with(process: &Process, headers: &[(&str, &str)]) -> Answer {
    let mut connection = Connection::open(process.address).await;
    let headers = [headers, &[("anthropic-version", "2023-06-01")]].concat();
    let body = serde_json::to_vec(&streamed(routed("hello"))).unwrap();
    connection.send("POST", "/v1/messages", &headers, &body).await;
    connection.answer().await
}

/// The key of an agent that may spend next to nothing in a day.
fn poor_key(site: &Site) -> String {
    let made = site.command(&["keys", "create", "--agent", "poor"]);
    let capped = site.command(&["agents", "cap", "--agent", "poor", "--daily", "0.000001"]);
    assert!(made.status.success() && capped.status.success());
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn replica(name: &str) -> GatewayPlan {
    GatewayPlan { settings: format!("replica = {name:?}\n"), ..GatewayPlan::default() }
}

/// What must hold of the rows on the server that took over.
async fn whole(database: &Database, sites: &[Site]) {
    let twice = "select count(*) - count(distinct request_id) from routing_outcomes";
    assert_eq!(database.number(twice).await, 0);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    let held = "select count(*) from accounts where held <> 0 or held_elsewhere <> 0";
    assert_eq!(database.number(held).await, 0);
    // what each agent has left is what it was given, less what its rows cost
    let unequal = "select count(*) from accounts a where a.balance <> \
         (select coalesce(sum(amount), 0) from transfers t \
            where t.agent_id = a.agent_id and t.kind = 'topup') \
         - (select coalesce(sum(cost_actual_usd), 0) from routing_outcomes o \
            where o.agent_id = a.agent_id)";
    assert_eq!(database.number(unequal).await, 0);
    for site in sites {
        let doctor = site.command(&["doctor"]);
        assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    }
}

#[actix_rt::test]
async fn what_an_asynchronous_standby_lacked_is_written_again_once() {
    let mut pair = PostgresPair::start(Commit::Asynchronous).await;
    let sites = [
        Site::new(&replica("one"), Some(&pair.url())).await,
        Site::new(&replica("two"), Some(&pair.url())).await,
    ];
    let poor = poor_key(&sites[0]);
    let processes = [sites[0].serve(&[]), sites[1].serve(&[])];
    let answered = Answered::default();
    let named = [("x-api-key", sites[0].key.as_str()), ("idempotency-key", "lost-and-told")];
    let lost = calls(100, 1500);
    let operator = async {
        answered.reach(calls(100, 1500)).await;
        pair.cut().await;
        // all of this is acknowledged, and the standby will never hear of it
        let refused = call_with(&processes[0], &[("x-api-key", poor.as_str())]).await;
        assert_eq!(refused.status, 402, "{}", refused.text());
        let first = call_with(&processes[0], &named).await;
        message_of(&first);
        let long = streamed(routed("[[mock tokens=60 delay_ms=50]]"));
        let mut open = sites[1].begin(processes[1].address, &long).await;
        open.read_until("text_delta").await;
        answered.reach_more(lost).await;
        pair.fail_over();
        answered.reach_more(calls(50, 1000)).await;
        let again = call_with(&processes[0], &named).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", again.text());
        assert_eq!(again.text(), first.text(), "the provider is not paid a second time");
        let open = open.answer().await;
        message_of(&open);
        answered.end();
        [first, open].map(|answer| id_of(&answer)).to_vec()
    };
    let callers = |place: usize| {
        let (site, process) = (&sites[place], &processes[place]);
        futures_util::future::join_all((0..CALLERS).map(|_| answered.caller(site, process)))
    };
    let (one, two, others) = futures_util::join!(callers(0), callers(1), operator);
    let acknowledged = [one.concat(), two.concat(), others].concat();
    let mut told = 0;
    for (site, process) in sites.iter().zip(&processes) {
        becomes_ready(site, process).await;
        told += written_again(site, process).await;
    }
    assert!(told >= lost, "{told} rows were written again, and {lost} were lost");
    for process in processes {
        let log = process.log();
        assert!(log.contains("had lost the row of this call in a failover"), "{log}");
        assert!(!log.contains("without an intent"), "{log}");
        assert_eq!(process.stop().await, Some(0));
    }
    assert_eq!(without_row(&acknowledged, &pair.standby_url()).await, [] as [Uuid; 0]);
    let database = Database::Postgres { url: pair.standby_url() };
    let refused = "select count(*) from routing_outcomes where outcome_status = 'rejected_cap'";
    assert_eq!(database.number(refused).await, 1, "a refusal is a row, too");
    whole(&database, &sites).await;
}

/// The other gateway may have been the one that answered since the failover.
async fn becomes_ready(site: &Site, process: &Process) {
    let deadline = Instant::now() + PATIENCE;
    while site.get(process.address, "/readyz").await.status != 200 {
        assert!(Instant::now() < deadline, "it never became ready: {}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn id_of(answer: &Answer) -> Uuid {
    answer.header("request-id").unwrap().trim_start_matches("req_").parse().unwrap()
}

#[actix_rt::test]
async fn records_that_the_standby_lacked_are_written_again_without_further_calls() {
    let mut pair = PostgresPair::start(Commit::Asynchronous).await;
    let plan = GatewayPlan { deadlines: "heartbeat = \"200ms\"\n".to_owned(), ..replica("one") };
    let sites = [Site::new(&plan, Some(&pair.url())).await];
    let process = sites[0].serve(&[]);
    pair.cut().await;
    let mut acknowledged = Vec::new();
    for _ in 0..5 {
        let answer = sites[0].call(process.address, &streamed(routed("hello"))).await;
        message_of(&answer);
        acknowledged.push(id_of(&answer));
    }
    pair.fail_over();
    let deadline = Instant::now() + PATIENCE;
    while !without_row(&acknowledged, &pair.standby_url()).await.is_empty() {
        assert!(Instant::now() < deadline, "the rows never came: {}", process.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ready = sites[0].get(process.address, "/readyz").await;
    assert_eq!((ready.status, ready.json()), (200, json!({"status": "ready"})));
    assert_eq!(process.stop().await, Some(0));
    whole(&Database::Postgres { url: pair.standby_url() }, &sites).await;
}
