//! Lists are read in pages, and what a caller has in hand leads to its row.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{MODELS, routed, streamed};
use crate::support::{Connection, Gateway, GatewayPlan};

#[actix_rt::test]
async fn the_ledger_is_walked_in_pages_that_meet_without_gaps() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let name = gateway.database.name();
        for _ in 0..6 {
            assert_eq!(gateway.call(&routed("hi")).await.status, 200);
        }
        gateway.settled().await;
        let ledger = format!("/v1/ledger/{}", gateway.agent_id);
        let whole = gateway.get(&ledger).await.json();
        assert_eq!(
            (whole["entries"].as_array().unwrap().len(), &whole["next"]),
            (7, &Value::Null),
            "{name}"
        );
        let mut walked = Vec::new();
        let mut path = format!("{ledger}?limit=2");
        loop {
            let page = gateway.get(&path).await.json();
            walked.extend(page["entries"].as_array().unwrap().clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("{ledger}?limit=2&after={next}");
        }
        assert_eq!(json!(walked), whole["entries"], "{name}");
        let first = &walked[0];
        let after_first = gateway.get(&format!("{ledger}?after={}", first["seq"])).await.json();
        assert_eq!(
            after_first["entries"][0], walked[1],
            "{name}: an entry's own number is a cursor too"
        );
    }
}

#[actix_rt::test]
async fn a_page_that_cannot_be_meant_is_refused_by_its_name() {
    let gateway = Gateway::start().await;
    let id = gateway.agent_id;
    for (path, fields) in [
        (format!("/v1/ledger/{id}"), &["limit", "after"][..]),
        (format!("/v1/audit/{id}"), &["limit", "since_seq"]),
        ("/v1/audit/public".to_owned(), &["limit", "before"]),
    ] {
        for field in fields {
            for value in ["-1", "x", "", "1.5", "99999999999999999999"] {
                let answer = gateway.get(&format!("{path}?{field}={value}")).await;
                assert_eq!(answer.status, 400, "{path} {field}={value}: {}", answer.text());
                let (kind, message) = answer.error();
                assert_eq!(kind, "invalid_request_error");
                assert!(message.starts_with(&format!("{field}: ")), "{message}");
            }
        }
        for limit in ["0", "501"] {
            let answer = gateway.get(&format!("{path}?limit={limit}")).await;
            let message = answer.error().1;
            assert_eq!(
                (answer.status, message.as_str()),
                (400, "limit: must be a whole number from 1 to 500"),
                "{path}"
            );
        }
        assert_eq!(gateway.get(&format!("{path}?limit=500")).await.status, 200, "{path}");
    }
    let models =
        gateway.get_with("/v1/models?limit=0", &[("anthropic-version", "2023-06-01")]).await;
    assert_eq!(
        (models.status, models.error().1.as_str()),
        (400, "limit: must be a whole number from 1 to 1000")
    );
    let models = gateway.get("/v1/models?format=gemini").await;
    assert_eq!(
        (models.status, models.error().1.as_str()),
        (400, "format: must be one of anthropic, openai, ainfera, google")
    );
}

#[actix_rt::test]
async fn a_call_is_read_by_the_id_that_its_answer_has() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let name = gateway.database.name();
        let mut pinned = routed("hi");
        pinned["model"] = json!(MODELS[2]);
        for body in [routed("hi"), streamed(routed("hi")), pinned] {
            let answer = gateway.call(&body).await;
            let request_id = answer.header("request-id").unwrap();
            let inference_id = answer.header("x-ainfera-inference-id").unwrap();
            let by_request = gateway.get(&format!("/v1/calls/{request_id}")).await;
            assert_eq!(by_request.status, 200, "{name}: {}", by_request.text());
            let by_inference = gateway.get(&format!("/v1/inferences/{inference_id}")).await.json();
            assert_eq!(by_request.json(), by_inference, "{name}");
            let uuid = by_inference["request_id"].as_str().unwrap().to_owned();
            assert_eq!(
                gateway.get(&format!("/v1/calls/{uuid}")).await.json(),
                by_inference,
                "{name}: as the tables have it"
            );
        }
        let mut hopeless = routed("hi");
        hopeless["routing_hint"] = json!({"min_quality": "0.99"});
        let answer = gateway.call(&hopeless).await;
        let row = gateway
            .get(&format!("/v1/calls/{}", answer.header("request-id").unwrap()))
            .await
            .json();
        assert_eq!(
            (&row["outcome_status"], &row["inference_id"]),
            (&json!("rejected_floor"), &Value::Null),
            "{name}: {row}"
        );
        assert_eq!(row["candidates"][0]["drop_reason"], "below_quality_floor", "{name}");
        for unknown in ["req_0123456789abcdef0123456789abcdef", "req_x", "x", "%2e"] {
            let answer = gateway.get(&format!("/v1/calls/{unknown}")).await;
            assert_eq!(
                (answer.status, answer.error().1.as_str()),
                (404, "call not found"),
                "{name} {unknown}"
            );
        }
    }
}

#[actix_rt::test]
async fn the_call_of_another_agent_is_not_found() {
    for database in Database::both().await {
        let gateway = Gateway::with(GatewayPlan::default(), database).await;
        let answer = gateway.call(&routed("hi")).await;
        let refused = gateway
            .call(&json!({"model": "ainfera-inference", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}],
            "routing_hint": {"min_quality": 1}}))
            .await;
        assert_eq!(refused.status, 422);
        gateway.settled().await;
        let store = gateway.server.store();
        let new = ainfera_store::NewAgent {
            name: "other".to_owned(),
            tenant_id: ainfera_schema::TenantId(uuid::Uuid::nil()),
            spend_policy: ainfera_schema::policy::SpendPolicy::default(),
        };
        let other = store.create_agent(new, ainfera_store::Opening::OnAccount).await.unwrap();
        let key = ainfera::keys::mint().unwrap();
        store.add_key(other, &key.key_id, key.secret_sha256).await.unwrap();
        for call in [&answer, &refused] {
            let mut connection = Connection::open(gateway.address).await;
            let path = format!("/v1/calls/{}", call.header("request-id").unwrap());
            connection.send("GET", &path, &[("x-api-key", key.text.expose())], b"").await;
            let seen = connection.answer().await;
            assert_eq!(
                (seen.status, seen.error().1.as_str()),
                (404, "call not found"),
                "{}",
                gateway.database.name()
            );
        }
    }
}
