//! Clients of Gemini's dialect: what stands in the address, keys, the two forms of a stream,
//! counts, the list of models, errors.

use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

use crate::support::reading::whole_of;
use crate::support::{Connection, Gateway};

const MODELS: &str = "/v1beta/models";

fn body(prompt: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": prompt}]}]})
}

async fn ask(gateway: &Gateway, path: &str, key: (&str, &str), body: &Value) -> Value {
    let mut connection = Connection::open(gateway.address).await;
    let headers = [key, ("content-type", "application/json")];
    connection.send("POST", path, &headers, body.to_string().as_bytes()).await;
    let answer = connection.answer().await;
    let mut answered = answer.json();
    answered["http_status"] = json!(answer.status);
    answered
}

#[actix_rt::test]
async fn a_key_is_taken_from_each_place_that_googles_clients_have_for_it() {
    let gateway = Gateway::start().await;
    let key = gateway.key.as_str();
    let bearer = format!("Bearer {key}");
    let in_address = format!("{MODELS}/ainfera-inference:generateContent?key={key}");
    let plain = format!("{MODELS}/ainfera-inference:generateContent");
    let older = "/v1/models/ainfera-inference:generateContent".to_owned();
    for (path, header) in [
        (&plain, ("x-goog-api-key", key)),
        (&older, ("x-goog-api-key", key)),
        (&plain, ("authorization", bearer.as_str())),
        (&in_address, ("x-nothing", "")),
    ] {
        let answer = ask(&gateway, path, header, &body("hi [[mock tools=0]]")).await;
        assert_eq!(answer["http_status"], 200, "{path}: {answer}");
        assert_eq!(answer["candidates"][0]["finishReason"], "STOP", "{answer}");
        assert_eq!(answer["modelVersion"], "ainfera-inference", "{answer}");
    }
    let refused = ask(&gateway, &plain, ("x-goog-api-key", "no key"), &body("hi")).await;
    assert_eq!(refused["error"]["status"], "UNAUTHENTICATED", "{refused}");
    gateway.settled().await;
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 4);
    // elsewhere a key in the address is none
    let mut connection = Connection::open(gateway.address).await;
    connection.send("GET", &format!("/v1/models?key={key}"), &[], b"").await;
    let elsewhere = connection.answer().await;
    assert_eq!(elsewhere.status, 401, "{}", elsewhere.text());
    gateway.stop().await;
}

#[actix_rt::test]
async fn a_stream_comes_as_events_or_as_one_array_and_says_the_same() {
    let gateway = Gateway::start().await;
    let stream = format!("{MODELS}/ainfera-inference:streamGenerateContent");
    let asked = body("[[mock tools=2 tokens=9]]");
    let events = gateway.call_at(&format!("{stream}?alt=sse"), &asked, &[]).await;
    let of_events = whole_of(ClientDialect::Gemini, &events);
    let array = gateway.call_at(&stream, &asked, &[]).await;
    assert_eq!(array.header("content-type"), Some("application/json"));
    let elements = array.json();
    let text = |response: &Value| -> String {
        let parts = response["candidates"][0]["content"]["parts"].as_array().cloned();
        parts.unwrap_or_default().iter().filter_map(|part| part["text"].as_str()).collect()
    };
    let elements = elements.as_array().unwrap();
    assert!(elements.len() > 3, "{elements:?}");
    let said: String = elements.iter().map(text).collect();
    assert_eq!(said, text(&of_events));
    assert_eq!(elements.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    let broken = body("[[mock tools=0 tokens=30 fault=fin_at at=6]]");
    let broken = gateway.call_at(&stream, &broken, &[]).await;
    let elements = broken.json();
    let last = elements.as_array().unwrap().last().unwrap();
    assert_eq!(last["error"]["status"], "INTERNAL", "{last}");
    gateway.stop().await;
}

#[actix_rt::test]
async fn an_idempotency_key_gives_the_same_answer_again_in_every_form() {
    let gateway = Gateway::start().await;
    let key = ("idempotency-key", "once");
    let path = |method: &str| format!("{MODELS}/ainfera-inference:{method}");
    let asked = body("[[mock tools=0 tokens=5]]");
    let whole = gateway.call_at(&path("generateContent"), &asked, &[key]).await;
    gateway.settled().await;
    for method in ["streamGenerateContent?alt=sse", "streamGenerateContent", "generateContent"] {
        let again = gateway.call_at(&path(method), &asked, &[key]).await;
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{}", again.text());
        let id = whole.json()["responseId"].as_str().unwrap().to_owned();
        assert!(again.text().contains(&id), "{method}: {}", again.text());
        if method == "streamGenerateContent" {
            assert!(again.json().is_array());
        }
    }
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 1);
    gateway.stop().await;
}

#[actix_rt::test]
async fn counts_lists_and_mistakes_are_in_googles_form() {
    let gateway = Gateway::start().await;
    let path = |method: &str| format!("{MODELS}/ainfera-inference:{method}");
    let counted = gateway.call_at(&path("countTokens"), &body("one two three"), &[]).await.json();
    let nested = json!({"generateContentRequest": body("one two three")});
    let nested = gateway.call_at(&path("countTokens"), &nested, &[]).await.json();
    assert!(counted["totalTokens"].as_u64().is_some_and(|total| total > 2), "{counted}");
    assert_eq!(counted, nested);
    let list = gateway.get(MODELS).await.json();
    assert_eq!(list["models"][0]["name"], "models/ainfera-inference", "{list}");
    let one = gateway.get(&format!("{MODELS}/ainfera-inference")).await.json();
    assert_eq!(one, list["models"][0]);
    for (body, field) in [
        (json!({"contents": []}), "contents"),
        (json!({"contents": [{"role": "bot", "parts": []}]}), "contents.0.role"),
        (
            json!({"contents": [{"parts": [{"text": "a"}]}], "generation_config": {"candidate_count": 2}}),
            "generation_config.candidate_count",
        ),
        (
            json!({"contents": [{"parts": [{"text": "a"}]}], "tools": [{"googleSearch": {}}]}),
            "tools.0.googleSearch",
        ),
    ] {
        let refused = gateway.call_at(&path("generateContent"), &body, &[]).await;
        let error = &refused.json()["error"];
        assert_eq!(
            (refused.status, &error["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{error}"
        );
        let violations = &error["details"][1]["fieldViolations"];
        assert_eq!(violations[0]["field"], field, "{error}");
    }
    let unknown = gateway.call_at(&path("embedContent"), &body("a"), &[]).await;
    assert_eq!((unknown.status, &unknown.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(gateway.database.number("select count(*) from routing_outcomes").await, 1);
    gateway.stop().await;
}
