//! Random requests of every client dialect for every built-in model: the vendor's published rules
//! refuse nothing of what is sent, and what is not sent is named.

mod reported;
mod wishes;

use ainfera::config::Config;
use ainfera_mock::request::Dialect as MockDialect;
use ainfera_mock::vendor::Vendor;
use ainfera_schema::{
    Model, Network, OnDisconnect, OwnDeadlines, Provider, ProviderId, ProviderKind, StreamMode,
    Unsaid,
};
use ainfera_wire::client::{Call, ClientHeaders};
use ainfera_wire::provider::Dialect;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use wishes::{ClientOf, Wishes, body, wishes};

use crate::support::database::Database;
use crate::support::{Gateway, GatewayPlan};

fn provider(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("p"),
        kind,
        base_url: format!("https://vendor.example/{}", kind.as_str()),
        api_key: None,
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
        stream_mode: StreamMode::Native,
        network: Network::default(),
        deadlines: OwnDeadlines::default(),
        unsaid: Unsaid::default(),
    }
}

/// What the vendor gets of a body, what of it is named as changed, and the address.
fn sent(
    client: ClientOf,
    body: &Value,
    kind: ProviderKind,
    model: &Model,
) -> (Value, Vec<String>, String) {
    let parse = match client {
        ClientOf::Messages => Call::from_messages,
        ClientOf::Chat => Call::from_chat,
        ClientOf::Responses => Call::from_responses,
    };
    let call = parse(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1).unwrap();
    let dialect = Dialect::for_call(kind, &call, model);
    let request = dialect.request(&call, &provider(kind), model).unwrap();
    let path = request.url.trim_start_matches("https://vendor.example").to_owned();
    (serde_json::from_slice(&request.body).unwrap(), request.coercions.texts(), path)
}

/// The vendor's refusal, by the scripted provider's own reading of what it publishes.
fn refusal(path: &str, body: &Value) -> Option<String> {
    let path = path.split('?').next().unwrap();
    let dialect = match path {
        path if path.ends_with("/messages") => MockDialect::Anthropic,
        path if path.ends_with("/responses") => MockDialect::Responses,
        path if path.ends_with("/chat/completions") => MockDialect::Chat,
        _ => MockDialect::Gemini,
    };
    // of the other vendors the scripted provider knows no refusals
    let refused = Vendor::of_path(path)?.refusal(dialect, path, body);
    refused.map(|(status, error)| format!("{status} {error}"))
}

/// Every built-in model with the kind of its provider, and where its vendor has two dialects, both.
fn all_models() -> Vec<(ProviderKind, Model)> {
    let everything = |name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned());
    let config = Config::from_environment(&everything).unwrap();
    let kind_of =
        |id: &ProviderId| config.providers.iter().find(|provider| provider.id == *id).unwrap().kind;
    let mut all = Vec::new();
    for model in &config.models {
        let kind = kind_of(&model.provider);
        all.push((kind, model.clone()));
        if kind == ProviderKind::Gemini {
            all.push((ProviderKind::GeminiCompatible, model.clone()));
        }
    }
    all
}

/// What of the wishes neither stands in the body nor is named.
fn undisclosed(wishes: &Wishes, body: &Value, named: &[String]) -> Option<&'static str> {
    let text = body.to_string();
    let is_named = |name: &str| named.iter().any(|one| one.contains(name));
    [
        (wishes.temperature, "0.37", "temperature"),
        (wishes.top_p, "0.91", "top_p"),
        (wishes.stop, "STOPWORD", "stop"),
        (wishes.penalty, "0.13", "presence_penalty"),
    ]
    .into_iter()
    .find(|(asked, value, name)| *asked && !text.contains(value) && !is_named(name))
    .map(|(_, _, name)| name)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(100)
    })]

    #[test]
    fn no_vendor_refuses_what_any_client_asks_of_any_built_in_model(wishes in wishes()) {
        for (kind, model) in all_models() {
            for client in [ClientOf::Messages, ClientOf::Chat, ClientOf::Responses] {
                let mut wishes = wishes.clone();
                wishes.stop &= client != ClientOf::Responses;
                wishes.penalty &= client == ClientOf::Chat;
                if !model.supports_tools {
                    wishes.tool_schema = None;
                }
                let asked = body(client, &wishes);
                let (body, named, path) = sent(client, &asked, kind, &model);
                // the compatible endpoint is the same vendor's
                let path = path.replace("/gemini_compatible/", "/gemini/");
                prop_assert_eq!(
                    refusal(&path, &body), None, "{} {:?} {} -> {}", model.slug, client, asked, body
                );
                prop_assert_eq!(
                    undisclosed(&wishes, &body, &named), None, "{} {:?} {:?}", model.slug, client, named
                );
            }
        }
    }
}

#[actix_rt::test]
async fn a_refusal_that_the_table_did_not_foresee_is_counted_and_old_figures_are_told() {
    let more_tables = "[[providers]]\nid = \"their\"\nkind = \"openai_compatible\"\nbase_url = \"MOCK/their\"\n\
        [[models]]\nslug = \"their-own\"\nprovider = \"their\"\nas_of = \"2026-01-01\"\nprice = { input = \"1\", output = \"1\" }\n";
    let plan = GatewayPlan { more_tables: more_tables.to_owned(), ..GatewayPlan::default() };
    let gateway = Gateway::with(plan, Database::sqlite()).await;
    let refused = "[[mock fault=refuse_status status=400 code=tools_not_supported]] hi";
    let body = json!({"model": "their-own", "max_tokens": 9, "messages": [{"role": "user", "content": refused}]});
    assert_eq!(gateway.call_at("/v1/chat/completions", &body, &[]).await.status, 400);
    let metrics = gateway.get("/metrics").await.text();
    let line = "ainfera_unforeseen_refusals_total{provider=\"their\",model=\"their-own\",about=\"tools\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let ready = gateway.get("/readyz").await.json();
    assert_eq!(ready["old_figures"], json!({"models": 1, "oldest": "2026-01-01"}), "{ready}");
}
