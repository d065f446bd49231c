//! The list of models, in the dialect of whoever asks.

use serde_json::json;

use crate::support::Gateway;
use crate::support::gateway::MODELS;

const ANTHROPIC: [(&str, &str); 1] = [("anthropic-version", "2023-06-01")];

#[actix_rt::test]
async fn p082_anthropics_clients_page_through_it() {
    let gateway = Gateway::start().await;
    let first = gateway.get_with("/v1/models?limit=2", &ANTHROPIC).await.json();
    assert_eq!(first["has_more"], true);
    assert_eq!(first["data"][0]["id"], "ainfera-inference");
    assert_eq!(first["data"][0]["display_name"], "Ainfera router");
    let mut seen: Vec<String> = Vec::new();
    let mut after = String::new();
    loop {
        let page = gateway.get_with(&format!("/v1/models?limit=2{after}"), &ANTHROPIC).await.json();
        for model in page["data"].as_array().unwrap() {
            assert_eq!(model["type"], "model");
            seen.push(model["id"].as_str().unwrap().to_owned());
        }
        if page["has_more"] != true {
            break;
        }
        after = format!("&after_id={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(seen.len(), 1 + MODELS.len() + 2, "{seen:?}");
    assert!(MODELS.iter().all(|model| seen.iter().any(|one| one == model)), "{seen:?}");
    let one = gateway.get_with("/v1/models/claude-opus-4-7", &ANTHROPIC).await.json();
    assert_eq!(
        (&one["id"], &one["created_at"]),
        (&json!("claude-opus-4-7"), &json!("1970-01-01T00:00:00Z"))
    );
    let none = gateway.get_with("/v1/models/nothing", &ANTHROPIC).await;
    assert_eq!((none.status, &none.json()["error"]["type"]), (404, &json!("not_found_error")));
}

#[actix_rt::test]
async fn p082_openais_clients_get_its_list_and_others_all_that_is_known() {
    let gateway = Gateway::start().await;
    let list =
        gateway.get_with("/v1/models", &[("user-agent", "OpenAI/Python 3.54.0")]).await.json();
    assert_eq!(list["object"], "list");
    assert_eq!(
        list["data"][1],
        json!({"id": MODELS[0], "object": "model", "created": 0, "owned_by": "chat"})
    );
    let bare = gateway.get("/v1/models").await.json();
    assert_eq!(bare[0]["type"], "router");
    assert_eq!(bare[1]["input_cost_per_million_usd"], "2");
}
