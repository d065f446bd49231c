//! PgBouncer before PostgreSQL: in session mode calls are recorded through it; in transaction mode, where a session's settings and statements would meet
//! another client's, the gateway does not start and says why.

use crate::load::{calls, spread};
use crate::programs::pgbouncer::Pgbouncer;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, message_of, routed, streamed};
use crate::support::process::Site;

#[actix_rt::test]
async fn calls_are_recorded_through_a_pool_of_sessions() {
    let database = Database::postgres().await;
    let pool = Pgbouncer::before(&database.url(), "session").await;
    let site = Site::new(&GatewayPlan::default(), Some(&pool.url())).await;
    let process = site.serve(&[]);
    let count = calls(100, 1000);
    let body = streamed(routed("hello"));
    for answer in spread(count, 8, |_| site.call(process.address, &body)).await {
        message_of(&answer);
    }
    assert_eq!(site.get(process.address, "/readyz").await.status, 200);
    assert!(site.command(&["keys", "create", "--agent", "another"]).status.success());
    assert_eq!(process.stop().await, Some(0));
    let rows = "select count(*) from routing_outcomes where outcome_status = 'succeeded'";
    assert_eq!(database.number(rows).await, i64::try_from(count).unwrap());
    assert!(site.command(&["doctor"]).status.success());
}

#[actix_rt::test]
async fn a_pool_of_transactions_is_refused_at_the_start_with_the_reason() {
    let database = Database::postgres().await;
    let pool = Pgbouncer::before(&database.url(), "transaction").await;
    let site = Site::new(&GatewayPlan::default(), None).await;
    let text = config_text(&GatewayPlan::default(), &pool.url(), &site.mock.base_url());
    std::fs::write(&site.config, text).unwrap();
    let refused = site.command(&["serve"]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && message.contains("transaction"), "{message}");
}
