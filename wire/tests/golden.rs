//! Translations as files that a person can read, for every pair of dialects.
//!
//! `golden/requests/<client>/<case>.in.json` is a request of a client of that dialect, under
//! `request`. Beside it, `<case>.to.<provider>.out.json` is what each provider gets: path, headers,
//! body, and what was changed, in the caller's own names; or which field was refused, and why.
//! `chat` is OpenAI; an input names other `vendors` of that dialect, the `model` as providers call
//! it (`models`: provider by provider), its `max_output_tokens`, and the client's `headers`.
//!
//! `golden/streams/<provider>/<case>.in.txt` is an answer of a provider of that dialect, streamed,
//! and `<case>.in.json` one that came whole. A case named after a vendor is read as that vendor's.
//! Beside it, `<case>.to.<client>.out.txt` has the frames of each client, and at their end why they
//! are no answer if they are none; `<case>.to.<client>.whole.json` is the same answer for a client
//! that does not stream.
//!
//! `UPDATE_GOLDEN=1 cargo test -p ainfera-wire --test golden` writes the outputs anew. Without it a
//! file that is missing, differs or belongs to no case fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "golden/comparison.rs"]
mod comparison;
#[path = "golden/mutated.rs"]
mod mutated;
#[path = "golden/requests.rs"]
mod requests;
#[path = "golden/streams.rs"]
mod streams;

use ainfera_schema::{Model, ModelSlug, Network, OnDisconnect, OwnDeadlines};
use ainfera_schema::{Provider, ProviderId, ProviderKind, Secret, StreamMode};
use ainfera_wire::client::{Call, ClientHeaders, GeminiForm, GeminiTarget};
use ainfera_wire::error::BadRequest;
use bytes::Bytes;

/// The provider dialects, by the names of their files.
const PROVIDERS: [(&str, ProviderKind); 4] = [
    ("anthropic", ProviderKind::Anthropic),
    ("chat", ProviderKind::Openai),
    ("responses", ProviderKind::OpenaiResponses),
    ("gemini", ProviderKind::Gemini),
];

/// The client dialects, by the names of their files.
const CLIENTS: [&str; 5] = ["messages", "chat", "responses", "inference", "gemini"];

/// The call that a client of this dialect makes with `body`.
fn call(client: &str, body: Bytes, headers: ClientHeaders) -> Result<Call, BadRequest> {
    if client == "gemini" {
        let target = GeminiTarget { model: "their-model".to_owned(), form: GeminiForm::Events };
        return Call::from_gemini(body, target, headers, &|text| text.len() as u64 / 4);
    }
    let parse = match client {
        "messages" => Call::from_messages,
        "chat" => Call::from_chat,
        "responses" => Call::from_responses,
        "inference" => Call::from_inference,
        other => panic!("no client speaks {other}"),
    };
    parse(body, headers, &|text| text.len() as u64 / 4)
}

const KEY: &str = "the-key-of-the-provider";

fn provider(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("vendor"),
        kind,
        base_url: "https://vendor.example".to_owned(),
        api_key: Some(Secret::new(KEY.to_owned())),
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
        stream_mode: StreamMode::Native,
        network: Network::default(),
        deadlines: OwnDeadlines::default(),
        unsaid: ainfera_schema::Unsaid::default(),
    }
}

/// A model of that provider, as it is called there.
fn model(upstream_name: &str, max_output_tokens: Option<u64>) -> Model {
    Model {
        slug: ModelSlug::new("slug"),
        provider: ProviderId::new("vendor"),
        upstream_name: upstream_name.to_owned(),
        maker: "vendor".to_owned(),
        q_prior: None,
        price: None,
        m_allowed: None,
        supports_tools: true,
        reasoning: None,
        stream_mode: StreamMode::Native,
        context_window: None,
        max_output_tokens,
        takes: ainfera_schema::ModelTakes::default(),
        expected_latency_ms: None,
        as_of: None,
        deadlines: OwnDeadlines::default(),
    }
}
