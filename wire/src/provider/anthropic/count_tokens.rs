//! `POST /v1/messages/count_tokens`: how many tokens a request will be. A provider that counts is
//! asked; this is for all others.

use ainfera_schema::{Model, Provider, StreamMode};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::client::call::{Call, ClientHeaders};
use crate::codec::parse::parse_body;
use crate::disclosure::coercion::Coercions;
use crate::error::bad_request::BadRequest;
use crate::model_table::ModelAbilities;
use crate::provider::anthropic::request::{headers, native};
use crate::provider::{Dialect, UpstreamRequest, address};
use crate::request::ROUTING_MEMBERS;

/// What a vendor's template adds around what the caller wrote, in tokens. Fitted to recorded calls:
/// `fidelity/examples/count_error.rs` measures it.
struct Template {
    call: u64,
    turn: u64,
    /// The instructions on how to call tools.
    tools: u64,
    tool: u64,
    /// Each call and each result in the conversation.
    tool_block: u64,
    /// The instructions on how to think, with a budget and without.
    thinking: u64,
    adaptive_thinking: u64,
    /// The instructions on how to cite.
    citations: u64,
}

impl Call {
    /// Parses a body to be counted. It need not say how long the answer may be.
    pub fn from_uncounted(
        body: &[u8],
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let mut members: Map<String, Value> = parse_body(body)?;
        members.entry("max_tokens").or_insert_with(|| json!(1));
        let body = serde_json::to_vec(&members)
            .map_err(|error| BadRequest::new("body", error.to_string()))?;
        Call::from_messages(Bytes::from(body), headers, estimate)
    }

    /// The estimate for a model behind this dialect: texts, and what its template adds.
    pub fn counted_for(&self, dialect: &Dialect, upstream_name: &str) -> u64 {
        let template = template(dialect, upstream_name);
        let request = &self.request;
        let tools = request.tools.len() as u64;
        let framing = template.call
            + template.turn * request.turns.len() as u64
            + if tools > 0 { template.tools + template.tool * tools } else { 0 }
            + template.tool_block * request.tool_blocks()
            + if request.asks_for_citations() { template.citations } else { 0 }
            + match request.thinking.as_ref().map(|thinking| &*thinking.kind) {
                None | Some("disabled") => 0,
                Some("adaptive") => template.adaptive_thinking,
                Some(_) => template.thinking,
            };
        self.estimated_input_tokens + framing
    }
}

const NOTHING: Template = Template {
    call: 0,
    turn: 0,
    tools: 0,
    tool: 0,
    tool_block: 0,
    thinking: 0,
    adaptive_thinking: 0,
    citations: 0,
};

const CLAUDE: Template = Template {
    call: 4,
    turn: 3,
    tools: 480,
    tool: 30,
    tool_block: 32,
    thinking: 28,
    adaptive_thinking: 16,
    citations: 600,
};
/// Tools are shorter as this vendor says them than as JSON.
const OPENAI: Template = Template { call: 3, turn: 4, tools: 2, tool: 2, tool_block: 4, ..NOTHING };
const DEEPSEEK: Template =
    Template { call: 3, turn: 2, tools: 230, tool: 25, tool_block: 27, ..NOTHING };
/// Instructions of the vendor's own go before every call.
const GROK: Template =
    Template { call: 182, turn: 10, tools: 40, tool: 20, tool_block: 18, ..NOTHING };
const MISTRAL: Template =
    Template { call: 9, turn: 6, tools: 40, tool: 16, tool_block: 3, ..NOTHING };
const GEMINI: Template =
    Template { call: 0, turn: 1, tools: 10, tool: 10, tool_block: 8, ..NOTHING };

/// The model decides, for many vendors have models of others; its makers' words for it are in its
/// name.
fn template(dialect: &Dialect, upstream_name: &str) -> &'static Template {
    const BY_NAME: [(&str, &Template); 5] = [
        ("claude", &CLAUDE),
        ("deepseek", &DEEPSEEK),
        ("grok", &GROK),
        ("mistral", &MISTRAL),
        ("gemini", &GEMINI),
    ];
    let by_name = BY_NAME
        .iter()
        .find(|(part, _)| upstream_name.contains(part))
        .map(|(_, template)| *template);
    by_name.unwrap_or(match dialect {
        Dialect::Anthropic => &CLAUDE,
        Dialect::Chat(_) | Dialect::Responses => &OPENAI,
        Dialect::Gemini => &GEMINI,
    })
}

/// The request to a provider that counts: as the call itself, without what is not counted.
pub fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let abilities = ModelAbilities::of(provider.kind, model);
    let (native, _) = native(call, &abilities, &mut Coercions::default());
    let mut request = UpstreamRequest::streamed(
        address::count_tokens(provider),
        None,
        request_body(&native, &model.upstream_name)?,
    );
    request.headers = headers(call, provider);
    request.client_headers = call.client_headers.others.clone();
    request.stream_mode = StreamMode::Wrapped;
    Ok(request.with_provider_headers(&provider.network.headers))
}

/// The caller's own body, for the provider's name of the model, without what it does not take here.
fn request_body(body: &[u8], upstream_name: &str) -> Result<Bytes, BadRequest> {
    const NOT_COUNTED: [&str; 7] =
        ["max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata"];
    let mut members: Map<String, Value> = parse_body(body)?;
    members.retain(|name, _| {
        !NOT_COUNTED.contains(&name.as_str()) && !ROUTING_MEMBERS.contains(&name.as_str())
    });
    members.insert("model".to_owned(), json!(upstream_name));
    serde_json::to_vec(&members)
        .map(Bytes::from)
        .map_err(|error| BadRequest::new("body", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_the_callers_own_without_what_is_not_counted() {
        let body = br#"{"model":"ainfera-inference","max_tokens":5,"stream":true,"task_type":"code","messages":[],"context_management":{"edits":[]}}"#;
        assert_eq!(
            &request_body(body, "claude-x").unwrap()[..],
            br#"{"model":"claude-x","messages":[],"context_management":{"edits":[]}}"#
        );
    }

    #[test]
    fn tools_and_turns_cost_more_than_their_words() {
        let count = |body: &str| {
            let call = Call::from_uncounted(body.as_bytes(), ClientHeaders::default(), &|text| {
                text.len() as u64 / 4
            })
            .unwrap();
            call.counted_for(&Dialect::Anthropic, "m")
        };
        let plain = count(r#"{"model":"m","messages":[{"role":"user","content":"hello there"}]}"#);
        let tools = count(
            r#"{"model":"m","messages":[{"role":"user","content":"hello there"}],"tools":[{"name":"f","input_schema":{}}]}"#,
        );
        assert_eq!(plain, 2 + 4 + 3);
        assert!(tools > plain + 400, "{tools}");
    }

    #[test]
    fn a_model_has_its_makers_template_wherever_it_is() {
        let chat = Dialect::of(ainfera_schema::ProviderKind::Openrouter);
        assert_eq!(template(&chat, "anthropic/claude-haiku-4.5").tools, CLAUDE.tools);
        assert_eq!(template(&chat, "gpt-5-nano").tools, OPENAI.tools);
        assert_eq!(template(&Dialect::Anthropic, "our-own").tools, CLAUDE.tools);
    }

    #[test]
    fn a_mistake_is_named_as_in_a_call() {
        let refused = |body: &str| {
            Call::from_uncounted(body.as_bytes(), ClientHeaders::default(), &|_| 1)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(r#"{"model":"m"}"#), "messages: field required");
        assert!(refused("{").starts_with("body: invalid JSON"));
    }
}
