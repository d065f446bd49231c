//! What OpenAI keeps of a response is not kept here: who asks for it is told so, and in that
//! dialect.

use serde_json::json;

use crate::support::{Connection, Gateway};

#[actix_rt::test]
async fn a_client_that_asks_for_an_earlier_response_is_told_that_none_is_kept() {
    let gateway = Gateway::start().await;
    let first = gateway
        .call_at("/v1/responses", &json!({"model": "ainfera-inference", "input": "hi"}), &[])
        .await
        .json();
    let path = format!("/v1/responses/{}", first["id"].as_str().unwrap());
    assert_eq!(first["store"], false);
    for (method, path, told) in [
        ("GET", path.clone(), "no response is kept here"),
        ("DELETE", path.clone(), "no response is kept here"),
        ("GET", format!("{path}/input_items?limit=5"), "no response is kept here"),
        ("POST", format!("{path}/cancel"), "no response is kept here"),
        // neither are these paths
        ("POST", "/v1/responses/compact".to_owned(), "no such path: /v1/responses/compact"),
        ("GET", format!("{path}/elsewhere"), "no such path"),
    ] {
        let mut connection = Connection::open(gateway.address).await;
        connection.send(method, &path, &[("x-api-key", gateway.key.as_str())], b"").await;
        let answer = connection.answer().await;
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["param"]),
            (404, &json!("not_found"), &json!(null)),
            "{method} {path}: {error}"
        );
        assert!(error["message"].as_str().unwrap().starts_with(told), "{method} {path}: {error}");
    }
}
