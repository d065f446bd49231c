//! The client leaves after the first content: the provider is stopped, or read to its end for its
//! own count, as its configuration says.

use std::time::{Duration, Instant};

use ainfera::config::Config;
use ainfera::server::Server;
use ainfera_mock::{MockSettings, MockUpstream};
use ainfera_schema::policy::SpendPolicy;
use ainfera_schema::{TenantId, Usd};
use ainfera_store::{NewAgent, Opening};
use serde_json::Value;
use uuid::Uuid;

use crate::support::Gateway;
use crate::support::database::Database;
use crate::support::gateway::{GatewayPlan, config_text, routed, streamed};

/// A gateway whose providers are all read on after a disconnect.
async fn draining(deadlines: &str) -> Gateway {
    let mock = MockUpstream::start(MockSettings::default()).await.unwrap();
    let database = Database::sqlite();
    let plan = GatewayPlan { deadlines: deadlines.to_owned(), ..GatewayPlan::default() };
    let text = config_text(&plan, &database.url(), &mock.base_url())
        .replace("[[providers]]\n", "[[providers]]\non_disconnect = \"drain\"\n");
    let config =
        Config::from_toml(&text, &|_| None).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let server = Server::start(config).await.unwrap();
    let store = server.store();
    let new = NewAgent {
        name: "tester".to_owned(),
        tenant_id: TenantId(Uuid::nil()),
        spend_policy: SpendPolicy::default(),
    };
    let agent_id =
        store.create_agent(new, Opening::Prepaid("1000".parse::<Usd>().unwrap())).await.unwrap();
    let key = ainfera::keys::mint().unwrap();
    store.add_key(agent_id, &key.key_id, key.secret_sha256).await.unwrap();
    Gateway {
        address: server.addr(),
        key: key.text.expose().to_owned(),
        agent_id,
        mock,
        database,
        server,
    }
}

/// Leaves in the middle; returns when the row is there.
async fn leave(gateway: &Gateway, body: &Value) {
    let mut client = gateway.begin(&serde_json::to_vec(body).unwrap(), &[]).await;
    client.read_until("text_delta").await;
    client.reset();
    gateway.settled().await;
}

const GONE: &str = "select count(*) from routing_outcomes where outcome_status = 'client_gone'";

#[actix_rt::test]
async fn drained_the_providers_own_count_is_billed_in_the_one_row() {
    let gateway = draining("").await;
    leave(&gateway, &streamed(routed("[[mock tokens=40 delay_ms=10]]"))).await;
    assert_eq!(gateway.database.number(GONE).await, 1);
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 1);
    let reported = "select count(*) from routing_outcomes where usage_basis = 'reported' and output_tokens >= 40";
    assert_eq!(gateway.database.number(reported).await, 1);
    gateway.mock.wait_idle().await;
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_drain_is_bounded_and_holds_the_calls_place_until_its_end() {
    let gateway = draining("drain_after_disconnect = \"400ms\"\n").await;
    let body = streamed(routed("[[mock tokens=20 fault=hang_at at=6]]"));
    let mut client = gateway.begin(&serde_json::to_vec(&body).unwrap(), &[]).await;
    client.read_until("text_delta").await;
    let left = Instant::now();
    client.reset();
    assert_eq!(gateway.server.gate().in_flight(), 1);
    gateway.settled().await;
    // that it ends at all is what `settled` waits for
    let took = left.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert_eq!(
        gateway
            .database
            .number(&format!("{GONE} and usage_basis = 'estimated' and cost_actual_usd > 0"))
            .await,
        1
    );
    gateway.mock.wait_idle().await;
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_provider_that_breaks_while_it_is_drained_leaves_one_row() {
    let gateway = draining("").await;
    leave(&gateway, &streamed(routed("[[mock tokens=40 delay_ms=10 fault=rst_at at=30]]"))).await;
    assert_eq!(gateway.database.number(&format!("{GONE} and cost_actual_usd > 0")).await, 1);
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 1);
    gateway.stop().await;
}

#[actix_rt::test]
async fn by_default_the_provider_is_stopped_and_the_count_is_an_estimate() {
    let gateway = Gateway::start().await;
    leave(&gateway, &streamed(routed("[[mock tokens=2000 delay_ms=10]]"))).await;
    assert_eq!(
        gateway
            .database
            .number(&format!("{GONE} and usage_basis = 'estimated' and cost_actual_usd > 0"))
            .await,
        1
    );
    gateway.mock.wait_idle().await;
    gateway.stop().await;
}
