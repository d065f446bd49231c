//! Asks a provider for its list of models: does its address, its key and the way to it work?

use std::time::Duration;

use ainfera_schema::{HeaderText, Provider};
use ainfera_wire::error::{FaultKind, fault_of};
use ainfera_wire::provider::address;
use awc::http::StatusCode;
use bytes::BytesMut;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::timeout;

use super::failure::ProviderFailure;
use super::send::transport_failure;
use super::transport::failure::ConnectFailure;
use super::transport::pools::ProviderPools;
use super::transport::trace::{Trace, Traced};

const ANSWERS_WITHIN: Duration = Duration::from_secs(20);
/// Of gateways with hundreds of models, each with a description.
const MAX_LIST_BYTES: usize = 8 << 20;

/// What is wrong with a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeFailure {
    #[error("cannot connect: {0}")]
    Connect(ConnectFailure),
    #[error("the key is refused ({status}): {message}")]
    KeyRefused { status: u16, message: String },
    #[error("there is nothing at {url} (404): is the path of base_url right?")]
    NotFound { url: String },
    #[error("{url} answers {status}: {message}")]
    Refused { url: String, status: u16, message: String },
    #[error("{url} answers, but not with a list of models")]
    NoList { url: String },
    #[error("{0}")]
    Broken(String),
    #[error("no answer within {} s", ANSWERS_WITHIN.as_secs())]
    TimedOut,
}

impl ProbeFailure {
    /// Some vendors repeat the key in their errors.
    fn without_key(mut self, provider: &Provider) -> Self {
        let configured = provider.network.headers.iter().filter_map(|header| match &header.value {
            HeaderText::Secret(secret) => Some(secret.expose()),
            HeaderText::Plain(_) => None,
        });
        if let ProbeFailure::KeyRefused { message, .. } | ProbeFailure::Refused { message, .. } =
            &mut self
        {
            for secret in provider.api_key.iter().map(|key| key.expose()).chain(configured) {
                *message = message.replace(secret, "***");
            }
        }
        self
    }
}

/// The names that the provider lists, as it writes them.
pub async fn list_models(
    provider: &Provider,
    pools: &ProviderPools,
) -> Result<Vec<String>, ProbeFailure> {
    match timeout(ANSWERS_WITHIN, ask(provider, pools)).await {
        Ok(result) => result,
        Err(_) => Err(ProbeFailure::TimedOut),
    }
}

async fn ask(provider: &Provider, pools: &ProviderPools) -> Result<Vec<String>, ProbeFailure> {
    let pool = pools.of(provider).map_err(ProbeFailure::Connect)?;
    let url = address::models(provider);
    let mut request = pool
        .get(&url)
        .insert_header(("accept", "application/json"))
        .insert_header(("accept-encoding", "identity"));
    for (name, value) in address::list_headers(provider) {
        request = request.insert_header((name, value));
    }
    let trace = std::rc::Rc::new(Trace::default());
    let sent = Traced::new(std::rc::Rc::clone(&trace), Box::pin(request.send())).await;
    let mut response = sent.map_err(|error| match transport_failure(&error, &trace) {
        ProviderFailure::Connect(failure) => ProbeFailure::Connect(failure),
        other => ProbeFailure::Broken(other.to_string()),
    })?;
    let mut body = BytesMut::new();
    while let Some(Ok(chunk)) = response.next().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_LIST_BYTES {
            break;
        }
    }
    let status = response.status();
    if !status.is_success() {
        return Err(refused(url, status, &body).without_key(provider));
    }
    names(&body).ok_or(ProbeFailure::NoList { url })
}

fn refused(url: String, status: StatusCode, body: &[u8]) -> ProbeFailure {
    let fault = fault_of(status.as_u16(), body);
    let (status, message) = (status.as_u16(), fault.message);
    match (status, fault.kind) {
        (401 | 403, _) | (_, FaultKind::KeyRefused) => ProbeFailure::KeyRefused { status, message },
        (404, _) => ProbeFailure::NotFound { url },
        _ => ProbeFailure::Refused { url, status, message },
    }
}

/// OpenAI and Anthropic list under `data`, Gemini under `models`, some vendors without anything
/// around it.
fn names(body: &[u8]) -> Option<Vec<String>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    let models = list.get("data").or_else(|| list.get("models")).unwrap_or(&list).as_array()?;
    let name =
        |model: &Value| model.get("id").or_else(|| model.get("name"))?.as_str().map(str::to_owned);
    Some(models.iter().filter_map(name).collect())
}

/// Whether the list has a model of this name. Gemini writes `models/` before it.
pub fn lists(names: &[String], upstream_name: &str) -> bool {
    let plain = |name: &str| name.strip_prefix("models/").unwrap_or(name).to_owned();
    names.iter().any(|name| plain(name) == plain(upstream_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendors_list_is_read() {
        for body in [
            r#"{"data":[{"id":"a"},{"id":"b"}]}"#,
            r#"{"models":[{"name":"models/a"},{"name":"models/b"}]}"#,
            r#"[{"id":"a"},{"id":"b"}]"#,
        ] {
            let names = names(body.as_bytes()).unwrap();
            assert_eq!(names.len(), 2);
            assert!(
                lists(&names, "a") && lists(&names, "models/b") && !lists(&names, "c"),
                "{body}"
            );
        }
        assert_eq!(names(b"<html>"), None);
        assert_eq!(names(br#"{"ok":true}"#), None);
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let refused = |status: u16, body: &str| {
            refused(
                "https://h/v1/models".to_owned(),
                StatusCode::from_u16(status).unwrap(),
                body.as_bytes(),
            )
        };
        assert_eq!(
            refused(401, r#"{"error":{"message":"no"}}"#),
            ProbeFailure::KeyRefused { status: 401, message: "no".to_owned() }
        );
        assert!(matches!(
            refused(400, r#"{"error":{"message":"API key not valid."}}"#),
            ProbeFailure::KeyRefused { status: 400, .. }
        ));
        assert_eq!(
            refused(404, "").to_string(),
            "there is nothing at https://h/v1/models (404): is the path of base_url right?"
        );
        assert!(matches!(refused(500, ""), ProbeFailure::Refused { status: 500, .. }));
    }
}
