//! PgBouncer before PostgreSQL. Calls are recorded through it whether it pools sessions or
//! transactions, and every command works; a pool of single statements is refused with the reason.

use uuid::Uuid;

use crate::answered::{Answered, without_row};
use crate::load::{calls, spread};
use crate::programs::pgbouncer::Pgbouncer;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, message_of, routed, streamed};
use crate::support::process::{Process, Site};

const CALLERS: usize = 8;

/// Commands that read and write, as an operator gives them.
fn every_command(site: &Site) {
    for arguments in [
        &["migrate"][..],
        &["keys", "create", "--agent", "another"],
        &["wallet", "show", "--agent", "tester"],
        &["agents", "cap", "--agent", "another", "--daily", "5"],
        &["audit", "verify"],
        &["doctor"],
    ] {
        let done = site.command(arguments);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}");
    }
}

/// A row each, for calls that were all answered.
async fn recorded_through(settings: &str) {
    let database = Database::postgres().await;
    let pool = Pgbouncer::before(&database.url(), settings).await;
    let site = Site::new(&GatewayPlan::default(), Some(&pool.url())).await;
    let process = site.serve(&[]);
    let count = calls(100, 1000);
    let body = streamed(routed("hello"));
    for answer in spread(count, 8, |_| site.call(process.address, &body)).await {
        message_of(&answer);
    }
    assert_eq!(site.get(process.address, "/readyz").await.status, 200);
    assert!(!process.log().contains("statement failed"), "{}", process.log());
    assert_eq!(process.stop().await, Some(0));
    let rows = "select count(*) from routing_outcomes where outcome_status = 'succeeded'";
    assert_eq!(database.number(rows).await, i64::try_from(count).unwrap());
    every_command(&site);
}

#[actix_rt::test]
async fn calls_are_recorded_through_a_pool_of_sessions() {
    recorded_through("pool_mode = session\ndefault_pool_size = 40").await;
}

#[actix_rt::test]
async fn calls_are_recorded_through_a_pool_of_transactions_that_hands_its_sessions_around() {
    let settings = "pool_mode = transaction\ndefault_pool_size = 2\nserver_round_robin = 1\n\
         server_reset_query_always = 1\nquery_wait_timeout = 5";
    recorded_through(settings).await;
}

/// Answers that were whole, of a gateway each, while PgBouncer is restarted in between.
async fn answered_by(site: &Site, process: &Process, answered: &Answered) -> Vec<Uuid> {
    let callers = (0..CALLERS).map(|_| answered.caller(site, process));
    futures_util::future::join_all(callers).await.concat()
}

#[actix_rt::test]
async fn two_gateways_share_a_pool_of_three_transactions_that_is_restarted_under_load() {
    let database = Database::postgres().await;
    let settings = "pool_mode = transaction\ndefault_pool_size = 3";
    let mut pool = Pgbouncer::before(&database.url(), settings).await;
    let plans = ["one", "two"].map(|replica| GatewayPlan {
        settings: format!("replica = {replica:?}\n"),
        ..GatewayPlan::default()
    });
    let sites = [
        Site::new(&plans[0], Some(&pool.url())).await,
        Site::new(&plans[1], Some(&pool.url())).await,
    ];
    let processes = [sites[0].serve(&[]), sites[1].serve(&[])];
    let answered = Answered::default();
    let share = calls(200, 1500);
    let operator = async {
        answered.reach(share).await;
        pool.restart().await;
        answered.reach_more(share).await;
        pool.restart().await;
        answered.reach_more(share).await;
        answered.end();
    };
    let (first, second, ()) = futures_util::join!(
        answered_by(&sites[0], &processes[0], &answered),
        answered_by(&sites[1], &processes[1], &answered),
        operator
    );
    for (site, process) in sites.iter().zip(&processes) {
        assert_eq!(site.get(process.address, "/readyz").await.status, 200);
    }
    for process in processes {
        assert_eq!(process.stop().await, Some(0));
    }
    let acknowledged = [first, second].concat();
    assert_eq!(without_row(&acknowledged, &database.url()).await, [] as [Uuid; 0]);
    let twice = "select count(*) - count(distinct request_id) from routing_outcomes";
    assert_eq!(database.number(twice).await, 0);
    assert_eq!(database.number("select count(*) from intents").await, 0);
    every_command(&sites[0]);
    let sessions = pool.log().matches("new connection to server").count();
    assert!(sessions > 0, "the pool was never used: {}", pool.log());
}

#[actix_rt::test]
async fn a_pool_of_statements_is_refused_at_the_start_with_the_reason() {
    let database = Database::postgres().await;
    let settings = "pool_mode = statement\ndefault_pool_size = 3";
    let pool = Pgbouncer::before(&database.url(), settings).await;
    let site = Site::new(&GatewayPlan::default(), None).await;
    let text = config_text(&GatewayPlan::default(), &pool.url(), &site.mock.base_url());
    std::fs::write(&site.config, text).unwrap();
    let refused = site.command(&["serve"]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{message}");
    assert!(message.contains("use pool_mode = transaction"), "{message}");
}
