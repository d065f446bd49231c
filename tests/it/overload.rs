//! A gateway that fills up refuses what matters least first, at once, and says when to come back.

use ainfera_schema::policy::{PriorityCeiling, SpendPolicy};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed};
use crate::support::{Connection, Gateway, GatewayPlan};

async fn fill(gateway: &Gateway, priority: &str, calls: usize, held: &mut Vec<Connection>) {
    let hanging =
        serde_json::to_vec(&streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"))).unwrap();
    for _ in 0..calls {
        let mut connection = gateway.begin(&hanging, &[("x-ainfera-priority", priority)]).await;
        connection.read_until("text_delta").await;
        held.push(connection);
    }
}

async fn is_refused(gateway: &Gateway, priority: &str) {
    let answer = gateway.call_with(&routed("hi"), &[("x-ainfera-priority", priority)]).await;
    assert_eq!((answer.status, answer.error().0.as_str()), (529, "overloaded_error"), "{priority}");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let wait_ms: u64 = answer.header("retry-after-ms").unwrap().parse().unwrap();
    assert!((750..=1250).contains(&wait_ms), "{wait_ms}");
}

#[actix_rt::test]
async fn batch_goes_first_then_the_rest_and_critical_last() {
    let spend_policy =
        SpendPolicy { priority_ceiling: PriorityCeiling::Critical, ..SpendPolicy::default() };
    let plan = GatewayPlan {
        settings: "max_in_flight = 20\n".to_owned(),
        spend_policy,
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut held = Vec::new();
    fill(&gateway, "batch", 14, &mut held).await;
    is_refused(&gateway, "batch").await;
    fill(&gateway, "whatever", 3, &mut held).await;
    is_refused(&gateway, "default").await;
    is_refused(&gateway, "batch").await;
    fill(&gateway, "critical", 3, &mut held).await;
    is_refused(&gateway, "critical").await;
    for connection in held {
        connection.reset();
    }
    gateway.settled().await;
    let answer =
        gateway.call_with(&streamed(routed("hi")), &[("x-ainfera-priority", "batch")]).await;
    message_of(&answer);
    gateway.settled().await;
    assert_eq!(
        gateway.database.number("select count(*) from routing_outcomes").await,
        21,
        "a refused call has no row"
    );
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_key_that_may_not_be_critical_is_refused_like_any_other() {
    let plan =
        GatewayPlan { settings: "max_in_flight = 20\n".to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let mut held = Vec::new();
    fill(&gateway, "critical", 17, &mut held).await;
    is_refused(&gateway, "critical").await;
    for connection in held {
        connection.reset();
    }
    gateway.settled().await;
    gateway.stop().await;
}
