//! Which address a provider is called at, exactly as it hears it, for every way in which vendors
//! document theirs.

use serde_json::json;

use crate::support::database::Database;
use crate::support::raw_provider::{RawProvider, Reply};
use crate::support::{Gateway, GatewayPlan};

const REFUSAL: &[u8] = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";

/// The request that a provider of this kind hears. `base_url` goes on after `http://host:port`,
/// `more` stands in its table.
async fn heard(kind: &str, path: &str, more: &str) -> String {
    let provider = RawProvider::start(None, |_| Reply::Say(REFUSAL.to_vec())).await;
    let plan = GatewayPlan {
        more_tables: format!(
            "[[providers]]\nid = \"far\"\nkind = \"{kind}\"\nbase_url = \"http://{}{path}\"\n{more}\n[[models]]\nslug = \"far\"\nprovider = \"far\"\n\
             upstream_name = \"m\"\nprice = {{ input = \"1\", output = \"1\" }}\n",
            provider.address
        ),
        ..GatewayPlan::default()
    };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    gateway.call(&json!({"model": "far", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]})).await;
    provider.heard().first().cloned().unwrap_or_default()
}

#[actix_rt::test]
async fn every_documented_form_of_an_address_can_be_said() {
    let version = "query = { \"api-version\" = \"2024-10-21\" }";
    for (kind, path, more, target) in [
        (
            "openai",
            "/openai/deployments/gpt",
            version,
            "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        ),
        (
            "openai",
            "/openai/deployments/gpt/chat/completions?api-version=1",
            "",
            "/openai/deployments/gpt/chat/completions?api-version=1",
        ),
        ("openai", "/openai/v1", "", "/openai/v1/chat/completions"),
        ("openai_responses", "/openai/v1/", "", "/openai/v1/responses"),
        ("openai_responses", "/openai", version, "/openai/responses?api-version=2024-10-21"),
        ("openai_responses", "", "", "/v1/responses"),
        ("openai_compatible", "", "", "/v1/chat/completions"),
        ("openai_compatible", "/v1/", "", "/v1/chat/completions"),
        ("openai_compatible", "/v1/chat/completions", "", "/v1/chat/completions"),
        ("openai_compatible", "/api/coding/paas/v4", "", "/api/coding/paas/v4/chat/completions"),
        (
            "openai_compatible",
            "/v1/projects/P/locations/L/endpoints/openapi",
            "",
            "/v1/projects/P/locations/L/endpoints/openapi/chat/completions",
        ),
        ("openai_compatible", "/v1beta/openai/", "", "/v1beta/openai/chat/completions"),
        ("gemini_compatible", "", "", "/v1beta/openai/chat/completions"),
        ("groq", "/openai", "", "/openai/v1/chat/completions"),
        ("gemini", "", "", "/v1beta/models/m:streamGenerateContent?alt=sse"),
        (
            "gemini",
            "/v1",
            "query = { a = \"b c\" }",
            "/v1/models/m:streamGenerateContent?alt=sse&a=b%20c",
        ),
        (
            "gemini",
            "",
            "streams = false\nquery = { a = \"b\" }",
            "/v1beta/models/m:generateContent?a=b",
        ),
        ("anthropic", "", "", "/v1/messages"),
        ("anthropic", "/prefix/anthropic", "", "/prefix/anthropic/v1/messages"),
        ("anthropic", "/prefix/v1", "", "/prefix/v1/messages"),
        ("anthropic", "/v1/messages", "", "/v1/messages"),
    ] {
        let request = heard(kind, path, more).await;
        assert_eq!(
            request.lines().next(),
            Some(format!("POST {target} HTTP/1.1").as_str()),
            "{kind} {path} {more}"
        );
    }
}

#[actix_rt::test]
async fn headers_of_a_provider_are_sent_and_replace_those_of_the_gateway() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a-secret-key\n").unwrap();
    let headers = format!(
        "headers = {{ \"api-key\" = {{ file = {0:?} }}, \"X-Title\" = \"Our agents\" }}",
        file.path()
    );
    let request = heard("openai", "/openai/v1", &headers).await.to_ascii_lowercase();
    assert!(
        request.contains("\r\napi-key: a-secret-key\r\n")
            && request.contains("\r\nx-title: our agents\r\n"),
        "{request}"
    );
    assert!(!request.contains("authorization"), "{request}");
    let own = format!(
        "api_key = {{ file = {0:?} }}\nheaders = {{ authorization = {{ file = {0:?} }} }}",
        file.path()
    );
    let request = heard("openai", "/openai/v1", &own).await.to_ascii_lowercase();
    assert_eq!(request.matches("a-secret-key").count(), 1, "{request}");
    assert!(request.contains("\r\nauthorization: a-secret-key\r\n"), "{request}");
}

#[actix_rt::test]
async fn each_vendor_is_called_where_it_documents() {
    let version = "query = { \"api-version\" = \"2024-10-21\" }";
    for (kind, path, more, target) in [
        ("azure", "", "", "/openai/v1/chat/completions"),
        ("azure", "/openai/v1", "", "/openai/v1/chat/completions"),
        (
            "azure",
            "/openai/deployments/gpt",
            version,
            "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
        ),
        ("zai", "/api/paas", "", "/api/paas/v4/chat/completions"),
        ("zai", "/api/coding/paas/v4", "", "/api/coding/paas/v4/chat/completions"),
        ("moonshot", "", "", "/v1/chat/completions"),
        ("moonshot", "/v1", "", "/v1/chat/completions"),
        ("cerebras", "/v1", "", "/v1/chat/completions"),
        ("fireworks", "/inference", "", "/inference/v1/chat/completions"),
        ("minimax", "/v1", "", "/v1/chat/completions"),
        ("alibaba", "/compatible-mode/v1", "", "/compatible-mode/v1/chat/completions"),
        ("openai_compatible", "/inference/chat/completions", "", "/inference/chat/completions"),
    ] {
        let request = heard(kind, path, more).await;
        let expected = format!("POST {target} HTTP/1.1");
        assert_eq!(request.lines().next(), Some(expected.as_str()), "{kind} {path}");
    }
}

#[actix_rt::test]
async fn azure_has_a_header_of_its_own_for_the_key() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "a-secret-key\n").unwrap();
    let key = format!("api_key = {{ file = {:?} }}", file.path());
    let request = heard("azure", "/openai/v1", &key).await.to_ascii_lowercase();
    assert!(request.contains("\r\napi-key: a-secret-key\r\n"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
}
