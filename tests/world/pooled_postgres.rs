//! PgBouncer in transaction mode before PostgreSQL, with fewer sessions than the gateway has connections.

use crate::load::{calls, spread};
use crate::programs::pgbouncer::Pgbouncer;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::Site;

#[actix_rt::test]
async fn calls_are_recorded_through_a_pool_of_transactions() {
    let database = Database::postgres().await;
    let pool = Pgbouncer::before(&database.url()).await;
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
