//! One provider's side of one call: the request in its dialect, its stream in our words, its
//! refusals classified.

pub mod address;
pub(crate) mod anthropic;
mod block_sequencer;
pub(crate) mod chat;
mod endpoint;
pub(crate) mod gemini;
pub(crate) mod instructions;
mod kept_call_id;
pub(crate) mod lossy;
mod reader;
mod reasons;
pub(crate) mod responses;
mod source_paths;
pub(crate) mod strict_schema;
pub(crate) mod tool_call_ids;
mod unsaid;
mod written;

use ainfera_schema::{HeaderText, Model, Provider, ProviderHeader, ProviderKind, StreamMode};
use bytes::Bytes;

use crate::client::Client;
use crate::client::call::Call;
use crate::codec::json::{Edit, Members};
use crate::dialect::ClientDialect;
use crate::disclosure::coercion::Coercions;
use crate::error::bad_request::BadRequest;
use crate::event::RelayMode;
use crate::provider::anthropic::stream::AnthropicReader;
use crate::provider::chat::own_reasoning::ReasoningOwner;
use crate::provider::chat::profile::{ChatProfile, profile_of};
use crate::provider::chat::stream::passthrough::ChatRelay;
use crate::provider::chat::stream::{ChatReader, Reasoning};
use crate::provider::gemini::relay::GeminiRelay;
use crate::provider::gemini::stream::{GeminiReader, LastSignature};
use crate::provider::responses::stream::ResponsesReader;
use crate::tool_names::ToolNames;

pub use crate::provider::anthropic::count_tokens::request as count_tokens_request;
pub use reasons::reasons_before_answering;

use reader::DialectReader;
pub use reader::UpstreamReader;

/// What to send.
#[derive(Debug, Clone)]
pub struct UpstreamRequest {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    /// Headers of the client's that are its provider's business.
    pub client_headers: Vec<(String, String)>,
    /// Headers that are configured for the provider.
    pub provider_headers: Vec<ProviderHeader>,
    pub body: Bytes,
    /// Fields that did not arrive as the caller sent them.
    pub coercions: Coercions,
    /// Names of tools that the answer has to be given back under.
    pub tool_names: ToolNames,
    /// How the answer is asked for.
    pub stream_mode: StreamMode,
    /// Whether the model wants its reasoning back with the next turn.
    pub(crate) reasoning: OwnReasoning,
    pub(crate) thinking_tags: ThinkingTags,
}

/// Whether the model writes its thoughts into its text, between tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThinkingTags {
    Written,
    NotWritten,
}

/// What becomes of a model's reasoning in later turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnReasoning {
    /// The caller is told of it unasked, or could not give it back.
    WantedBack(ReasoningOwner),
    /// It goes back if the caller keeps it.
    TakenBack(ReasoningOwner),
    /// The dialect's own marks say what becomes of it.
    OfDialect,
}

impl UpstreamRequest {
    /// One that is streamed, to a provider that is called with one key.
    fn streamed(url: String, key: Option<(&'static str, String)>, body: Bytes) -> Self {
        Self {
            url,
            headers: key.into_iter().collect(),
            client_headers: Vec::new(),
            provider_headers: Vec::new(),
            body,
            coercions: Coercions::default(),
            tool_names: ToolNames::unchanged(),
            stream_mode: StreamMode::Native,
            reasoning: OwnReasoning::OfDialect,
            thinking_tags: ThinkingTags::NotWritten,
        }
    }

    /// What nobody but the provider may see of its headers: keys, without the word `Bearer` before
    /// them.
    pub fn secrets(&self) -> Vec<String> {
        let configured = self.provider_headers.iter().filter_map(|header| match &header.value {
            HeaderText::Secret(secret) => Some(secret.expose()),
            HeaderText::Plain(_) => None,
        });
        // versions and the like are no secrets
        let keys = self
            .headers
            .iter()
            .filter(|(name, _)| !name.starts_with("anthropic-"))
            .map(|(_, value)| value.as_str());
        keys.chain(configured)
            .map(|value| value.strip_prefix("Bearer ").unwrap_or(value).to_owned())
            .collect()
    }

    /// The same with the headers that are configured. Whatever had the same name gives way, the
    /// header with the key too.
    fn with_provider_headers(mut self, headers: &[ProviderHeader]) -> Self {
        let is_configured =
            |name: &str| headers.iter().any(|header| header.name.eq_ignore_ascii_case(name));
        self.headers.retain(|(name, _)| !is_configured(name));
        self.client_headers.retain(|(name, _)| !is_configured(name));
        self.provider_headers = headers.to_vec();
        self
    }

    /// The same call, to be answered whole: what says that it streams is in the body, or in
    /// Gemini's address.
    fn unstreamed(self) -> Result<Self, BadRequest> {
        let url = self.url.replace(":streamGenerateContent?alt=sse&", ":generateContent?");
        let url = url.replace(":streamGenerateContent?alt=sse", ":generateContent");
        let members = Members::parse(&self.body)
            .map_err(|error| BadRequest::new("body", error.to_string()))?;
        let body = members.write(
            |key| match key {
                "stream" => Edit::Replace("false".to_owned()),
                "stream_options" => Edit::Remove,
                _ => Edit::Keep,
            },
            &[],
        );
        Ok(Self { url, body: Bytes::from(body), stream_mode: StreamMode::Wrapped, ..self })
    }
}

/// Who speaks how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Anthropic,
    Chat(&'static ChatProfile),
    Responses,
    Gemini,
}

impl Dialect {
    pub fn of(kind: ProviderKind) -> Self {
        match (kind, profile_of(kind)) {
            (ProviderKind::OpenaiResponses, _) => Dialect::Responses,
            (ProviderKind::Gemini, _) => Dialect::Gemini,
            (_, Some(profile)) => Dialect::Chat(profile),
            (_, None) => Dialect::Anthropic,
        }
    }

    /// Does the provider speak as the client does? Then the call goes to it, and its answer comes
    /// back, as they are.
    pub fn is_native_to(&self, client: ClientDialect) -> bool {
        match self {
            Dialect::Anthropic => client == ClientDialect::Messages,
            Dialect::Chat(_) => client == ClientDialect::Chat,
            Dialect::Responses => client == ClientDialect::Responses,
            Dialect::Gemini => client == ClientDialect::Gemini,
        }
    }

    /// The call in this provider's dialect, for one of its models. Streamed, unless one of them
    /// cannot.
    pub fn request(
        &self,
        call: &Call,
        provider: &Provider,
        model: &Model,
    ) -> Result<UpstreamRequest, BadRequest> {
        let request =
            unsaid::written(self.streamed(call, provider, model)?, *self, call, provider)?;
        let request = request.with_provider_headers(&provider.network.headers);
        match provider.stream_mode.and(model.stream_mode) {
            StreamMode::Native => Ok(request),
            StreamMode::Wrapped => request.unstreamed(),
        }
    }

    /// What the call loses on its way to one of this provider's models, without writing a request:
    /// the coercions of [`Self::request`], or its refusal.
    pub fn losses(
        &self,
        call: &Call,
        provider: &Provider,
        model: &Model,
    ) -> Result<Coercions, BadRequest> {
        let mut losses = match self {
            Dialect::Anthropic => anthropic::request::losses(call, provider.kind, model),
            Dialect::Responses => responses::request::losses(call, provider.kind, model),
            Dialect::Gemini => gemini::request::losses(call, provider.kind, model),
            Dialect::Chat(profile) => chat::request::losses(call, provider.kind, model, profile),
        }?;
        unsaid::name_written(&mut losses, *self, call, provider)?;
        Ok(losses)
    }

    fn streamed(
        &self,
        call: &Call,
        provider: &Provider,
        model: &Model,
    ) -> Result<UpstreamRequest, BadRequest> {
        match self {
            Dialect::Anthropic => anthropic::request::request(call, provider, model),
            Dialect::Responses => responses::request::request(call, provider, model),
            Dialect::Gemini => gemini::request::request(call, provider, model),
            Dialect::Chat(profile) => chat::request::request(call, provider, model, profile),
        }
    }

    /// A reader for the answer to `request`, made of this call. `model` is what the client shall
    /// see; `id_seed` makes ids that a provider leaves out.
    pub fn reader(
        &self,
        call: &Call,
        request: &UpstreamRequest,
        model: &str,
        id_seed: String,
    ) -> UpstreamReader {
        let relay = if self.is_native_to(call.client.dialect()) {
            RelayMode::Native
        } else {
            RelayMode::Translated
        };
        let dialect = match self {
            // the estimate stands in where the provider does not count
            Dialect::Anthropic => DialectReader::Anthropic(AnthropicReader::new(
                relay,
                model,
                call.estimated_input_tokens,
                id_seed,
                request.tool_names.clone(),
            )),
            Dialect::Chat(profile) => {
                let relay = match &call.client {
                    Client::Chat(usage_chunk) => ChatRelay::native(&call.model, *usage_chunk),
                    Client::Messages(_)
                    | Client::Responses(_)
                    | Client::Inference
                    | Client::Gemini(_) => ChatRelay::Translated,
                };
                let reader = ChatReader::new(
                    id_seed,
                    request.tool_names.clone(),
                    heard_reasoning(call, &request.reasoning, profile),
                    relay,
                );
                let reader = match request.thinking_tags {
                    ThinkingTags::Written => reader.thinking_in_tags(),
                    ThinkingTags::NotWritten => reader,
                };
                DialectReader::Chat(reader.stopping_at(call.stop_sequences.clone()))
            }
            Dialect::Gemini => {
                let names = request.tool_names.clone();
                let relay = match relay {
                    RelayMode::Native => GeminiRelay::native(&call.model),
                    RelayMode::Translated => GeminiRelay::Translated,
                };
                let reader = GeminiReader::new(relay, id_seed, names);
                DialectReader::Gemini(reader.telling_last_signature(last_signature(call)))
            }
            Dialect::Responses => DialectReader::Responses(ResponsesReader::new(
                relay,
                &call.model,
                id_seed,
                request.tool_names.clone(),
            )),
        };
        UpstreamReader::new(dialect)
    }
}

/// A client that hears thoughts may find one at the end of an answer.
fn last_signature(call: &Call) -> LastSignature {
    if call.wants_thinking || call.client.dialect() != ClientDialect::Messages {
        LastSignature::Told
    } else {
        LastSignature::LeftOut
    }
}

/// Clients of Anthropic's dialect hear thoughts only if they ask: many take the first block for the
/// answer. Where the vendor wants its reasoning back they hear it anyway.
fn heard_reasoning(call: &Call, own: &OwnReasoning, profile: &ChatProfile) -> Reasoning {
    let asked = call.wants_thinking || call.client.dialect() != ClientDialect::Messages;
    match own {
        OwnReasoning::WantedBack(owner) => Reasoning::Shown(owner.clone()),
        OwnReasoning::TakenBack(owner) if asked => Reasoning::Shown(owner.clone()),
        OwnReasoning::TakenBack(owner) => Reasoning::Hidden(owner.clone()),
        OwnReasoning::OfDialect => Reasoning::Hidden(ReasoningOwner::new(profile.issuer, "", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::call::ClientHeaders;
    use crate::codec::json::passes;
    use ainfera_schema::{ModelSlug, Network, OnDisconnect, OwnDeadlines, ProviderId, Secret};

    fn provider(kind: ProviderKind, stream_mode: StreamMode) -> Provider {
        Provider {
            id: ProviderId::new("p"),
            kind,
            base_url: "https://vendor.example".to_owned(),
            api_key: Some(Secret::new("the-key".to_owned())),
            on_disconnect: OnDisconnect::Cancel,
            max_concurrent: None,
            stream_mode,
            network: Network::default(),
            deadlines: OwnDeadlines::default(),
            unsaid: ainfera_schema::Unsaid::default(),
        }
    }

    fn model() -> Model {
        Model {
            slug: ModelSlug::new("slug"),
            provider: ProviderId::new("p"),
            upstream_name: "their-model".to_owned(),
            maker: "p".to_owned(),
            q_prior: None,
            price: None,
            m_allowed: None,
            supports_tools: true,
            reasoning: None,
            stream_mode: StreamMode::Native,
            context_window: None,
            max_output_tokens: None,
            takes: ainfera_schema::ModelTakes::default(),
            expected_latency_ms: None,
            as_of: None,
            deadlines: OwnDeadlines::default(),
        }
    }

    fn request(kind: ProviderKind, stream_mode: StreamMode) -> UpstreamRequest {
        let body = Bytes::from_static(br#"{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"stream":true}"#);
        let call = Call::from_messages(body, ClientHeaders::default(), &|_| 1).unwrap();
        Dialect::of(kind).request(&call, &provider(kind, stream_mode), &model()).unwrap()
    }

    #[test]
    fn the_key_is_in_one_header_and_nowhere_else() {
        for kind in ProviderKind::ALL {
            let sent = request(kind, StreamMode::Native);
            let (name, value) = match kind {
                ProviderKind::Anthropic | ProviderKind::Mock => ("x-api-key", "the-key"),
                ProviderKind::Gemini => ("x-goog-api-key", "the-key"),
                ProviderKind::Azure => ("api-key", "the-key"),
                _ => ("authorization", "Bearer the-key"),
            };
            let with_key: Vec<&(&str, String)> =
                sent.headers.iter().filter(|(_, value)| value.contains("the-key")).collect();
            assert_eq!(with_key, [&(name, value.to_owned())], "{kind:?}");
            assert!(
                !sent.url.contains("the-key")
                    && !String::from_utf8_lossy(&sent.body).contains("the-key"),
                "{kind:?}"
            );
        }
    }

    /// Of what is native the body is gone through once more for each candidate, to replace members.
    #[test]
    fn a_body_is_parsed_once_however_many_candidates_it_is_written_for() {
        let long = "x".repeat(1_000);
        let messages = format!(
            r#"{{"model":"m","max_tokens":50,"messages":[{{"role":"user","content":"{long}"}}]}}"#
        );
        let input = format!(r#"{{"model":"m","input":"{long}"}}"#);
        type Parse = fn(Bytes, ClientHeaders, &dyn Fn(&str) -> u64) -> Result<Call, BadRequest>;
        let clients: [(Parse, &str); 3] = [
            (Call::from_messages, &messages),
            (Call::from_chat, &messages),
            (Call::from_responses, &input),
        ];
        let candidates = [
            ProviderKind::Anthropic,
            ProviderKind::Openai,
            ProviderKind::OpenaiResponses,
            ProviderKind::Gemini,
        ];
        for (parse, body) in clients {
            let (passes, _) = passes::over(1_000, || {
                let body = Bytes::from(body.to_owned());
                let call = parse(body, ClientHeaders::default(), &|_| 1).unwrap();
                for kind in candidates {
                    let dialect = Dialect::of(kind);
                    if !dialect.is_native_to(call.client.dialect()) {
                        let provider = provider(kind, StreamMode::Native);
                        dialect.losses(&call, &provider, &model()).unwrap();
                        dialect.request(&call, &provider, &model()).unwrap();
                    }
                }
            });
            assert_eq!(passes, 1, "{body}");
        }
    }

    #[test]
    fn who_cannot_stream_is_not_asked_to() {
        for kind in ProviderKind::ALL {
            let body = |request: &UpstreamRequest| {
                serde_json::from_slice::<serde_json::Value>(&request.body).unwrap()
            };
            let (live, whole) =
                (request(kind, StreamMode::Native), request(kind, StreamMode::Wrapped));
            assert_eq!(
                (live.stream_mode, whole.stream_mode),
                (StreamMode::Native, StreamMode::Wrapped),
                "{kind:?}"
            );
            if kind == ProviderKind::Gemini {
                assert!(
                    live.url.ends_with("/v1beta/models/their-model:streamGenerateContent?alt=sse"),
                    "{}",
                    live.url
                );
                assert!(
                    whole.url.ends_with("/v1beta/models/their-model:generateContent"),
                    "{}",
                    whole.url
                );
                assert_eq!(live.body, whole.body);
            } else {
                assert_eq!(
                    (&body(&live)["stream"], &body(&whole)["stream"]),
                    (&true.into(), &false.into()),
                    "{kind:?}"
                );
                assert!(body(&whole).get("stream_options").is_none(), "{kind:?}");
            }
        }
    }
}
