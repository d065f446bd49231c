//! Why an attempt failed: one word, the same in the record, and in what operators are shown while a
//! provider cannot be reached.

use rustls::version::TLS13;
use serde_json::{Value, json};

use crate::support::certificates::{Authority, Fault};
use crate::support::database::Database;
use crate::support::gateway::{Gateway, GatewayPlan, MODELS, message_of, routed, streamed};
use crate::support::process::Site;
use crate::support::raw_provider::{RawProvider, Reply};

/// The causes of the attempts of the call that an answer belongs to, as `GET /v1/inferences/{id}`
/// tells them.
async fn causes(gateway: &Gateway, inference_id: &str) -> Vec<Value> {
    let record = gateway.get(&format!("/v1/inferences/{inference_id}")).await.json();
    record["attempts"]
        .as_array()
        .unwrap_or_else(|| panic!("{record}"))
        .iter()
        .map(|attempt| attempt["cause"].clone())
        .collect()
}

#[actix_rt::test]
async fn the_record_of_every_attempt_says_why_it_failed_in_both_stores() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        for (directive, word) in [
            ("fault=refuse_status status=401", "key_refused"),
            ("fault=refuse_status status=402", "out_of_funds"),
            ("fault=refuse_status status=404", "model_gone"),
            ("fault=refuse_status status=429", "rate_limited"),
            ("fault=refuse_status status=529", "overloaded"),
            ("fault=refuse_status status=500", "provider_fault"),
            ("fault=refuse_status status=400 code=context_length_exceeded", "model_lacks:window"),
            ("fault=refuse_status status=400 code=tools_not_supported", "model_lacks:tools"),
            ("fault=close_before_head", "connection_lost"),
            ("fault=fin_at at=6", "broken_answer"),
            ("fault=empty_stream", "broken_answer"),
        ] {
            let prompt = format!("[[mock model=up-{} {directive}]]", MODELS[0]);
            let answer = gateway.call(&streamed(routed(&prompt))).await;
            let inference_id =
                answer.header("x-ainfera-inference-id").unwrap_or_default().to_owned();
            let causes = if answer.status == 200 && !inference_id.is_empty() {
                causes(&gateway, &inference_id).await
            } else {
                panic!("{directive}: {} {}", answer.status, answer.text())
            };
            // the next candidate answered, unless there had been content; a kept connection that
            // breaks is one attempt more
            let (last, failed) = causes.split_last().unwrap();
            let failed: Vec<&Value> =
                failed.iter().chain(Some(last).filter(|cause| !cause.is_null())).collect();
            assert!(
                !failed.is_empty() && failed.iter().all(|cause| **cause == json!(word)),
                "{directive}: {causes:?}"
            );
        }
        gateway.settled().await;
        let wrong = gateway.call(&routed("[[mock fault=refuse_status status=400]]")).await;
        assert_eq!(wrong.status, 400, "{}", wrong.text());
        gateway.settled().await;
        let caller =
            "select count(*) from inferences where cast(attempts as text) like '%caller_fault%'";
        assert_eq!(gateway.database.number(caller).await, 1, "{}", gateway.database.name());
        gateway.stop().await;
    }
}

/// A provider `far` at this address, and its model `far`.
fn far(base_url: &str, more: &str) -> GatewayPlan {
    let more_tables = format!(
        "[[providers]]\nid = \"far\"\nkind = \"anthropic\"\nbase_url = \"{base_url}\"\n{more}\n[[models]]\nslug = \"far\"\nprovider = \"far\"\n\
         price = {{ input = \"1\", output = \"1\" }}\n"
    );
    GatewayPlan { more_tables, ..GatewayPlan::default() }
}

#[actix_rt::test]
async fn operators_see_why_a_provider_cannot_be_reached_until_it_can_or_they_clear_it() {
    let authority = Authority::new();
    let ca_file = format!("ca_file = {:?}", authority.ca_file());
    for (fault, word, said) in [
        (Fault::OtherName, "tls:wrong_name", "its certificate is for another name"),
        (Fault::Expired, "tls:expired", "its certificate has expired"),
    ] {
        let provider = RawProvider::start(Some(authority.server(fault, &[&TLS13])), |_| {
            Reply::SayAndClose(Vec::new())
        })
        .await;
        let port = provider.address.port();
        let site = Site::new(&far(&format!("https://localhost:{port}"), &ca_file), None).await;
        let process = site.serve(&[]);
        let asked = json!({"model": "far", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
        assert_eq!(site.call(process.address, &asked).await.status, 502);
        process.logged("\"causes\":\"unreachable:tls\"").await;

        let ready = site.get(process.address, "/readyz").await;
        let entry = &ready.json()["unreachable"][0];
        assert_eq!(
            (ready.status, &entry["provider"], &entry["cause"]),
            (200, &json!("far"), &json!("unreachable:tls"))
        );
        assert_eq!(
            (&entry["fault"], &entry["detail"]),
            (&json!(word), &json!(said)),
            "names of this network stay inside"
        );
        let metrics = site.get(process.address, "/metrics").await.text();
        let line = format!(
            "ainfera_provider_unreachable{{provider=\"far\",cause=\"unreachable:tls\",fault=\"{word}\"}} 1"
        );
        assert!(metrics.contains(&line), "{metrics}");
        let listed = String::from_utf8(site.command(&["providers"]).stdout).unwrap();
        let (_, told) =
            listed.split_once("far: cannot be reached for ").unwrap_or_else(|| panic!("{listed}"));
        assert!(told.contains(&format!("unreachable:tls: TLS with localhost: {said}")), "{told}");

        let cleared = site.command(&["providers", "clear", "far"]);
        assert_eq!(String::from_utf8_lossy(&cleared.stdout), "1 cleared\n");
        assert_eq!(site.get(process.address, "/readyz").await.json(), json!({"status": "ready"}));
        assert!(
            !site
                .get(process.address, "/metrics")
                .await
                .text()
                .contains("ainfera_provider_unreachable{")
        );
        assert_eq!(process.stop().await, Some(0));
    }
}

#[actix_rt::test]
async fn a_provider_that_is_reached_again_is_no_longer_told() {
    // nobody listens here until the provider is started
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let gateway = Gateway::with(far(&format!("http://{address}"), ""), Database::sqlite()).await;
    let asked =
        json!({"model": "far", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(gateway.call(&asked).await.status, 502);
    let ready = gateway.get("/readyz").await.json();
    assert_eq!(
        (&ready["unreachable"][0]["cause"], &ready["unreachable"][0]["detail"]),
        (&json!("unreachable:connect"), &json!("connection refused"))
    );

    let settings =
        ainfera_mock::MockSettings { listen: address, ..ainfera_mock::MockSettings::default() };
    let _provider = ainfera_mock::MockUpstream::start(settings).await.unwrap();
    message_of(&gateway.call(&streamed(asked)).await);
    assert_eq!(gateway.get("/readyz").await.json(), json!({"status": "ready"}));
    gateway.stop().await;
}
