//! PostgreSQL's primary dies under load and its standby takes over.

use crate::answered::{Answered, without_row};
use crate::load::calls;
use crate::programs::postgres_pair::{Commit, PostgresPair};
use crate::support::gateway::GatewayPlan;
use crate::support::process::Site;

const CALLERS: usize = 4;

/// How many answers were acknowledged, and how many of them have no row where the standby took over.
async fn fail_over(commit: Commit) -> (usize, usize) {
    let mut pair = PostgresPair::start(commit).await;
    let site = Site::new(&GatewayPlan::default(), Some(&pair.url())).await;
    let process = site.serve(&[]);
    let answered = Answered::default();
    let before = calls(100, 2000);
    let operator = async {
        answered.reach(before).await;
        pair.fail_over();
        answered.reach_more(calls(50, 1000)).await;
        answered.end();
        assert_eq!(site.get(process.address, "/readyz").await.status, 200);
        pair
    };
    let callers = futures_util::future::join_all((0..CALLERS).map(|_| answered.caller(&site, &process)));
    let (pair, acknowledged) = futures_util::future::join(operator, callers).await;
    assert_eq!(process.stop().await, Some(0));
    let acknowledged = acknowledged.concat();
    let missing = without_row(&acknowledged, &pair.standby_url()).await.len();
    (acknowledged.len(), missing)
}

#[actix_rt::test]
async fn no_acknowledged_answer_is_without_its_row_after_a_synchronous_standby_takes_over() {
    let (acknowledged, missing) = fail_over(Commit::Synchronous).await;
    assert_eq!(missing, 0, "of {acknowledged}");
}

/// Rows of the last moment may be on the old primary only. Everything else holds: service goes on, and nearly all rows are there.
#[actix_rt::test]
async fn service_goes_on_after_an_asynchronous_standby_takes_over() {
    let (acknowledged, missing) = fail_over(Commit::Asynchronous).await;
    assert!(missing * 10 <= acknowledged, "{missing} of {acknowledged} are gone");
}
