//! Requests of each client dialect as every provider gets them.

use std::collections::BTreeMap;

use ainfera_schema::ProviderKind;
use ainfera_wire::client::ClientHeaders;
use ainfera_wire::error::BadRequest;
use ainfera_wire::provider::{Dialect, UpstreamRequest};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::comparison::{Outputs, compare};
use crate::{KEY, PROVIDERS, call, model};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    vendors: Vec<ProviderKind>,
    model: Option<String>,
    #[serde(default)]
    models: BTreeMap<String, String>,
    max_output_tokens: Option<u64>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    request: Box<RawValue>,
}

fn requests_of(client: &str) {
    compare(&format!("requests/{client}"), |name, input| {
        let case = serde_json::from_slice::<Case>(input);
        let case = case.unwrap_or_else(|error| panic!("{name}: {error}"));
        let vendors = case.vendors.iter().map(|kind| (kind.as_str(), *kind));
        let outputs = PROVIDERS.into_iter().chain(vendors).map(|(provider, kind)| {
            let output = output(client, &case, provider, kind).unwrap_or_else(refused);
            (format!("to.{provider}.out.json"), serde_json::to_string_pretty(&output).unwrap())
        });
        let outputs: Vec<(String, String)> = outputs.collect();
        let count = outputs.len();
        let outputs = Outputs::from_iter(outputs);
        assert_eq!(outputs.len(), count, "{name} names a vendor twice");
        outputs
    });
}

type Output = Result<Value, BadRequest>;

/// What the provider gets, as far as it may be asked at all.
fn output(client: &str, case: &Case, provider: &str, kind: ProviderKind) -> Output {
    let body = case.request.get().as_bytes().to_vec();
    let call = call(client, body.into(), client_headers(&case.headers))?;
    let dialect = Dialect::of(kind);
    let is_native = dialect.is_native_to(call.client.dialect());
    if let Some(bad) = call.native_only.clone().filter(|_| !is_native) {
        return Err(bad);
    }
    if call.anthropic_only.is_some() && dialect != Dialect::Anthropic {
        return Ok(json!({"not_asked": "it needs what only Anthropic's own API has"}));
    }
    let upstream_name = case.models.get(provider).or(case.model.as_ref());
    let upstream_name = upstream_name.map_or("their-model", String::as_str);
    let model = model(upstream_name, case.max_output_tokens);
    let provider = crate::provider(kind);
    let request = dialect.request(&call, &provider, &model);
    let losses = dialect.losses(&call, &provider, &model).map(|losses| losses.texts());
    let named = request.clone().map(|request| request.coercions.texts());
    assert_eq!(losses, named, "what {kind:?} does not get, before and after it is written");
    Ok(shown(&request?))
}

fn client_headers(headers: &BTreeMap<String, String>) -> ClientHeaders {
    let mut headers = headers.clone();
    ClientHeaders {
        version: headers.remove("anthropic-version"),
        beta: headers.remove("anthropic-beta"),
        others: headers.into_iter().collect(),
    }
}

fn shown(request: &UpstreamRequest) -> Value {
    let own = request.headers.iter().map(|(name, value)| (*name, value));
    let clients = request.client_headers.iter().map(|(name, value)| (name.as_str(), value));
    let headers = own.chain(clients).map(|(name, value)| (name, value.replace(KEY, "***")));
    let headers: BTreeMap<&str, String> = headers.collect();
    let path = request.url.strip_prefix("https://vendor.example").unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    json!({"path": path, "headers": headers, "body": body, "coercions": request.coercions.texts()})
}

fn refused(bad: BadRequest) -> Value {
    json!({"refused": {"field": bad.field, "message": bad.message}})
}

#[test]
fn requests_of_messages_clients() {
    requests_of("messages");
}

#[test]
fn requests_of_chat_clients() {
    requests_of("chat");
}

#[test]
fn requests_of_responses_clients() {
    requests_of("responses");
}

#[test]
fn requests_of_gemini_clients() {
    requests_of("gemini");
}

#[test]
fn requests_of_inference_clients() {
    requests_of("inference");
}
