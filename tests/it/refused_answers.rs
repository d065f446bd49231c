//! An error says what of the request did not reach the provider as it was sent: often that is why.

use serde_json::{Value, json};

use crate::support::Gateway;
use crate::support::gateway::MODELS;

fn body(path: &str, model: &str, fault: &str, stream: bool) -> Value {
    let prompt = format!("[[mock {fault}]]");
    match path {
        "/v1/responses" => {
            json!({"model": model, "stream": stream, "max_output_tokens": 50, "input": prompt, "field_of_nobody": 1})
        }
        _ => {
            json!({"model": model, "stream": stream, "max_tokens": 50, "field_of_nobody": 1, "messages": [{"role": "user", "content": prompt}]})
        }
    }
}

#[actix_rt::test]
async fn an_error_names_what_was_changed_in_every_dialect() {
    let gateway = Gateway::start().await;
    // model 0 speaks Chat Completions, and the routing name may choose any
    let cases = [
        ("/v1/messages", MODELS[0], "refuse_status status=400", 400),
        ("/v1/messages", MODELS[0], "refuse_status status=429 retry_after=3", 429),
        ("/v1/messages", MODELS[0], "fin_at at=0", 502),
        ("/v1/messages", "ainfera-inference", "refuse_status status=400", 400),
        ("/v1/responses", MODELS[0], "refuse_status status=400", 400),
        ("/v1/chat/completions", MODELS[1], "refuse_status status=400", 400),
    ];
    for (path, model, fault, status) in cases {
        for stream in [false, true] {
            let body = body(path, model, &format!("fault={fault}"), stream);
            let answer = gateway.call_at(path, &body, &[]).await;
            let case = format!("{path} {model} {fault} {stream}");
            assert_eq!(answer.status, status, "{case}: {}", answer.text());
            let named = answer.header("x-ainfera-coercions").unwrap_or_default();
            assert!(named.contains("field_of_nobody=dropped:"), "{case}: {named}");
            let count = named.split(", ").count().to_string();
            assert_eq!(answer.header("x-ainfera-coercions-count"), Some(&*count), "{case}");
        }
    }
}

#[actix_rt::test]
async fn an_error_before_any_provider_names_no_change() {
    let gateway = Gateway::start().await;
    let body = body("/v1/messages", "no-such-model", "tokens=1", false);
    let answer = gateway.call(&body).await;
    assert_eq!((answer.status, answer.header("x-ainfera-coercions")), (422, None));
}

#[actix_rt::test]
async fn the_agent_that_a_body_names_is_the_one_of_its_key() {
    let gateway = Gateway::start().await;
    for path in ["/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1/inference"] {
        let mut body = body(path, MODELS[1], "tools=0 tokens=2", false);
        for own in [json!(gateway.agent_id), json!(gateway.agent_id.to_string().to_uppercase())] {
            body["agent_id"] = own;
            let answer = gateway.call_at(path, &body, &[]).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let sent = gateway.mock.requests().pop().unwrap();
            assert!(!sent.body.to_string().contains("agent_id"), "{path}");
        }
        let asked = gateway.mock.requests().len();
        for other in [json!("0190ffff-0000-7000-8000-000000000001"), json!("somebody"), json!(7)] {
            body["agent_id"] = other.clone();
            let answer = gateway.call_at(path, &body, &[]).await;
            assert_eq!(answer.status, 400, "{path} {other}: {}", answer.text());
            assert!(answer.text().contains("agent_id: "), "{path} {other}: {}", answer.text());
        }
        assert_eq!(gateway.mock.requests().len(), asked, "{path}: nobody was asked");
    }
}
