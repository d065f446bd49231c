//! What a client asks, as far as the dispatcher needs to know it. The body stays as it came, and is
//! parsed once: requests to providers of other dialects are written from the typed request.

use std::sync::Arc;

use ainfera_schema::Attachment;
use bytes::Bytes;

use crate::client::Client;
use crate::client::messages::tool_pairing;
use crate::client::messages::version;
use crate::client::output_limit::OutputLimit;
use crate::disclosure::translation::Translation;
use crate::error::bad_request::BadRequest;
use crate::extra_costs::ExtraCosts;
use crate::request::{Request, RoutingExtras};

/// One call, parsed and checked.
#[derive(Debug, Clone)]
pub struct Call {
    pub client: Client,
    /// As it came.
    pub body: Bytes,
    /// The same, typed: what providers of other dialects get is written from it.
    pub request: Arc<Request>,
    /// What the body said that the Anthropic form does not, and under which names it says the rest.
    pub translation: Option<Translation>,
    /// The model string that the caller sent.
    pub model: String,
    pub delivery: Delivery,
    pub max_tokens: u64,
    pub output_limit: OutputLimit,
    pub has_tools: bool,
    /// Where the model is to stop; some providers say which of them they met.
    pub stop_sequences: Vec<String>,
    /// The caller asked to hear what the model thinks.
    pub wants_thinking: bool,
    /// What the caller says about reasoning before the answer.
    pub asked_reasoning: AskedReasoning,
    /// What of it only Anthropic's own API has, if anything.
    pub anthropic_only: Option<BadRequest>,
    /// What only a provider of the client's own dialect can be asked: what no other dialect has a
    /// word for, a block that nobody knows, or a mistake that only that provider may judge.
    pub native_only: Option<BadRequest>,
    /// That of it for which no routed call can be sent anywhere: a mistake by all that is known, or
    /// a reference to what a provider keeps, and nothing says which.
    pub mistake: Option<BadRequest>,
    pub extras: RoutingExtras,
    /// Headers that an Anthropic provider is to see as they came.
    pub client_headers: ClientHeaders,
    pub estimated_input_tokens: u64,
    /// Bytes of the body without the data of its attachments. A token is at least a byte.
    pub text_bytes: u64,
    /// Images and documents, as far as their bytes tell how much of them there is.
    pub attachments: Vec<Attachment>,
    /// What costs more than the tokens of the body.
    pub extra_costs: ExtraCosts,
    /// Some of the prompt may be kept in the provider's cache for an hour, which costs more than
    /// five minutes.
    pub caches_for_an_hour: bool,
}

/// How the client wants its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Streamed,
    Whole,
}

/// Whether a model shall think before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedReasoning {
    /// Left to the model.
    Unsaid,
    Off,
    On,
}

impl AskedReasoning {
    fn of(request: &Request) -> Self {
        let effort = request.effort();
        match (request.thinking.as_ref().map(|thinking| &*thinking.kind), effort) {
            (Some("disabled"), _) | (None, Some("none")) => AskedReasoning::Off,
            (Some(_), _) | (None, Some(_)) => AskedReasoning::On,
            (None, None) => AskedReasoning::Unsaid,
        }
    }
}

/// `anthropic-*` headers of the request.
#[derive(Debug, Clone, Default)]
pub struct ClientHeaders {
    pub version: Option<String>,
    /// Every token of every `anthropic-beta` header, in order, verbatim.
    pub beta: Option<String>,
    /// All others, by name: for a provider of Anthropic's API, and for nobody else.
    pub others: Vec<(String, String)>,
}

/// Names, quotes and braces that stand around a text in another form than the caller's, at most.
const BYTES_AROUND_A_TEXT: usize = 64;

/// What the estimate takes an image or document to be. Money is reserved for more.
const TOKENS_PER_ATTACHMENT: u64 = 1_600;

impl Call {
    /// Parses an Anthropic Messages body. `estimate` counts the tokens of a text.
    pub fn from_messages(
        body: Bytes,
        client_headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let (request, costs) = Request::parse(&body)?;
        version::check(client_headers.version.as_deref(), &request)?;
        let client = Client::Messages(request.toolsets.clone());
        Self::of_request(client, body, (request, costs), None, client_headers, estimate)
    }

    /// A call whose body says `request`.
    pub(crate) fn of_request(
        client: Client,
        body: Bytes,
        (request, extra_costs): (Request, ExtraCosts),
        translation: Option<Translation>,
        client_headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let attachments = request.attachments();
        let (tokens, said_bytes) = said_of(&request, estimate);
        let mut estimated_input_tokens =
            tokens + attachments.found.len() as u64 * TOKENS_PER_ATTACHMENT;
        // names, quotes and braces of the body stand for what templates add; what is said in
        // another form may be longer
        let said_bytes = if translation.is_some() { said_bytes } else { 0 };
        let shown_bytes = body.len().saturating_sub(attachments.data_bytes).max(said_bytes);
        let beyond_form =
            translation.as_ref().and_then(|translation| translation.native_only.clone());
        if beyond_form.is_some() {
            // what the form leaves out is read, and paid for, all the same
            estimated_input_tokens = estimated_input_tokens.max(body.len() as u64 / 4);
        }
        // the caller sent another body: its names are those of that one
        let at_source = |bad: BadRequest| match &translation {
            Some(translation) => translation.source_map.at_source_path(bad),
            None => bad,
        };
        // of what the form leaves out nothing is known
        let mistake = match &beyond_form {
            Some(_) => translation.as_ref().and_then(|translation| translation.kept.clone()),
            None => mistake_of(&request).map(at_source),
        };
        let native_only = beyond_form.or_else(|| mistake.clone());
        let says_limit = translation
            .as_ref()
            .is_none_or(|translation| translation.source_map.source_of("max_tokens").is_some());
        Ok(Self {
            client,
            translation,
            output_limit: if says_limit { OutputLimit::Said } else { OutputLimit::Unsaid },
            model: request.model.to_string(),
            delivery: if request.stream { Delivery::Streamed } else { Delivery::Whole },
            max_tokens: request.max_tokens,
            has_tools: !request.tools.is_empty(),
            stop_sequences: request.stop_sequences.iter().map(ToString::to_string).collect(),
            asked_reasoning: AskedReasoning::of(&request),
            wants_thinking: wants_thinking(&request),
            anthropic_only: request.anthropic_only(),
            native_only,
            mistake,
            extras: request.extras.clone(),
            client_headers,
            estimated_input_tokens: estimated_input_tokens.max(1),
            text_bytes: shown_bytes as u64,
            attachments: attachments.found,
            extra_costs,
            caches_for_an_hour: may_cache_for_an_hour(&body),
            body,
            request: Arc::new(request),
        })
    }
}

/// How many tokens the texts of a request have, and how many bytes they are in another form.
fn said_of(request: &Request, estimate: &dyn Fn(&str) -> u64) -> (u64, usize) {
    let (mut tokens, mut bytes) = (0, 0);
    request.for_each_text(&mut |text| {
        tokens += estimate(text);
        bytes += text.len() + BYTES_AROUND_A_TEXT;
    });
    (tokens, bytes)
}

fn wants_thinking(request: &Request) -> bool {
    request.thinking.as_ref().is_some_and(|thinking| &*thinking.kind != "disabled")
}

/// What looks like a mistake of the caller's, and only a provider of its own dialect may judge.
fn mistake_of(request: &Request) -> Option<BadRequest> {
    let unknown = request
        .unknown_block()
        .map(|(path, kind)| BadRequest::new(path, format!("unknown content block type `{kind}`")));
    unknown.or_else(|| tool_pairing::check(&request.turns).err()).or_else(|| warms_cache(request))
}

impl Call {
    /// Why the body does not bound what the vendor reads. `None`: it does.
    pub fn unbounded_because(&self) -> Option<&'static str> {
        let unmeasured = self.attachments.iter().find_map(|attachment| match attachment {
            Attachment::Unmeasured(why) => Some(why.as_str()),
            Attachment::Image(_) | Attachment::Document(_) => None,
        });
        let beyond = "the vendor reads what the body does not show: results of its tools, files, sound, or turns that it keeps";
        unmeasured.or(self.extra_costs.reads_beyond_body.then_some(beyond))
    }
}

/// Anthropic's hour and OpenAI's twelve, also where a letter of it is escaped, which nobody does by
/// accident.
fn may_cache_for_an_hour(body: &[u8]) -> bool {
    let begins = |at: usize, spelt: &[u8]| body[at..].starts_with(spelt);
    memchr::memmem::find_iter(body, br#""1"#)
        .any(|at| begins(at, br#""1h""#) || begins(at, br#""12h""#))
        || memchr::memmem::find_iter(body, br"\u00")
            .any(|at| begins(at, br"\u0031") || begins(at, br"\u0068"))
}

/// A call without an answer has a meaning to Anthropic alone.
fn warms_cache(request: &Request) -> Option<BadRequest> {
    let message =
        "must be at least 1; 0 warms the prompt cache, which only Anthropic's own API does";
    (request.max_tokens == 0).then(|| BadRequest::new("max_tokens", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_seen_however_it_is_spelt() {
        let hour = |ttl: &str| {
            let body = format!(
                r#"{{"model":"m","max_tokens":5,"cache_control":{{"type":"ephemeral","ttl":{ttl}}},"messages":[{{"role":"user","content":"hi"}}]}}"#
            );
            Call::from_messages(Bytes::from(body), ClientHeaders::default(), &|_| 1)
                .unwrap()
                .caches_for_an_hour
        };
        assert_eq!(
            [r#""1h""#, r#""\u0031h""#, r#""1\u0068""#, r#""5m""#].map(hour),
            [true, true, true, false]
        );
    }
}
