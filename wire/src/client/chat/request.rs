//! `POST /v1/chat/completions`, parsed at the edge into the typed request. What is wrong is named,
//! what that request cannot say is named too.
//!
//! Source: OpenAI API reference, chat completions, create.

mod content;
mod kept;
mod messages;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::client::Client;
use crate::client::call::{Call, ClientHeaders};
use crate::client::chat::usage_chunk::UsageChunk;
use crate::client::openai;
use crate::client::output_limit::DEFAULT_MAX_TOKENS;
use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::disclosure::coercion::{Change, Reason};
use crate::disclosure::translation::Translation;
use crate::error::bad_request::BadRequest;
use crate::extra_costs::ExtraCosts;
use crate::request::{OutputConfig, ROUTING_MEMBERS, Request};

/// Members that Anthropic's form has no place for, and that say nothing of what the model shall do.
const NO_EQUIVALENT: [&str; 6] =
    ["logprobs", "top_logprobs", "store", "prediction", "moderation", "audio"];

/// Members that some of the other dialects have.
const SETTINGS: [&str; 9] = [
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "seed",
    "service_tier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "verbosity",
    "metadata",
];

/// Members that change what kind of answer it is: whoever asks for them must get them, or hear that
/// he does not.
const NATIVE_ONLY: [(&str, &str); 3] = [
    ("functions", "is the old form of `tools`; only a provider of this dialect may know it"),
    (
        "function_call",
        "is the old form of `tool_choice`; only a provider of this dialect may know it",
    ),
    ("web_search_options", "only OpenAI's own search models have it"),
];

impl Call {
    /// Parses a Chat Completions body. `estimate` counts the tokens of a text.
    pub fn from_chat(
        body: Bytes,
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let request = translated(&body)?;
        Call::of_request(
            Client::Chat(request.usage_chunk),
            body,
            (request.request, request.costs),
            Some(request.translation),
            headers,
            estimate,
        )
    }
}

/// A body, typed.
pub(crate) struct TranslatedRequest {
    pub request: Request,
    pub costs: ExtraCosts,
    pub translation: Translation,
    pub usage_chunk: UsageChunk,
}

pub(crate) fn translated(body: &[u8]) -> Result<TranslatedRequest, BadRequest> {
    let mut chat = openai::body(body)?;
    let costs = ExtraCosts::read_values(body, chat.members());
    let mut translation = RequestTranslation::default();
    openai::model(&mut chat, &mut translation)?;
    token_limit(&mut chat, &mut translation)?;
    let usage_chunk = delivery(&mut chat, &mut translation)?;
    messages::translate(&mut chat, &mut translation)?;
    tools::translate(&mut chat, &mut translation)?;
    sampling(&mut chat, &mut translation)?;
    answer(&mut chat, &mut translation)?;
    openai::user(&mut chat, &mut translation)?;
    openai::settings(&mut chat, &SETTINGS, &mut translation);
    rest(chat, &mut translation)?;
    let (request, translation) = translation.done()?;
    Ok(TranslatedRequest { request, costs: costs?, translation, usage_chunk })
}

fn token_limit(
    chat: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let (new, old) = (chat.take("max_completion_tokens"), chat.take("max_tokens"));
    let (field, limit) = match (new, old) {
        (Some(limit), Some(_)) => {
            translation.drop("max_tokens", Reason::Empty);
            ("max_completion_tokens", limit)
        }
        (Some(limit), None) => ("max_completion_tokens", limit),
        (None, Some(limit)) => ("max_tokens", limit),
        (None, None) => {
            translation.request.max_tokens = DEFAULT_MAX_TOKENS;
            translation.member("max_tokens");
            return Ok(());
        }
    };
    openai::token_limit(&limit, field, translation)
}

fn delivery(
    chat: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<UsageChunk, BadRequest> {
    let streamed = openai::stream(chat, translation)?;
    let path = chat.path;
    let mut wanted = !streamed;
    if let Some(options) = chat.take("stream_options") {
        let mut options = Object::read(options, path.member("stream_options"))?;
        wanted |= options.take("include_usage") == Some(Value::Bool(true));
        translation.drop_left(&options, Reason::NoEquivalent);
    }
    Ok(if wanted { UsageChunk::Wanted } else { UsageChunk::Unwanted })
}

fn sampling(chat: &mut Object<'_>, translation: &mut RequestTranslation) -> Result<(), BadRequest> {
    openai::sampling(chat, &["temperature", "top_p", "top_k"], translation)?;
    match chat.take("n") {
        None => {}
        Some(count) if count == json!(1) => {}
        Some(_) => return Err(BadRequest::new("n", "one answer at a time: must be 1")),
    }
    let sequences = match chat.take("stop") {
        None => return Ok(()),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all
            .into_iter()
            .enumerate()
            .map(|(index, stop)| match stop {
                Value::String(stop) => Ok(stop),
                _ => Err(BadRequest::new(format!("stop.{index}"), "must be a string")),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(BadRequest::new("stop", "must be a string or an array of strings")),
    };
    // Anthropic refuses sequences of nothing but space
    let (blank, sequences): (Vec<_>, Vec<_>) =
        sequences.into_iter().partition(|sequence| sequence.trim().is_empty());
    if !blank.is_empty() {
        translation.lost.add("stop", Change::Clamped("those that are not blank".to_owned()));
    }
    if !sequences.is_empty() {
        translation.request.stop_sequences = sequences.into_iter().map(Into::into).collect();
        translation.said("stop_sequences", "stop");
    }
    Ok(())
}

/// How the answer shall be: thought about, and formed.
fn answer(chat: &mut Object<'_>, translation: &mut RequestTranslation) -> Result<(), BadRequest> {
    let mut output = OutputConfig::default();
    if let Some(word) = chat.optional_text("reasoning_effort")? {
        openai::effort(&word, "reasoning_effort", &mut output, translation)?;
    }
    if let Some(format) = chat.take("response_format") {
        openai::format(&format, "response_format", "/json_schema", &mut output, translation)?;
    }
    openai::output_config(output, translation);
    match chat.take("modalities") {
        None => {}
        Some(kinds) if kinds == json!(["text"]) => {}
        Some(_) => translation.only_natively(
            "modalities",
            "only OpenAI's own audio models answer in anything but text",
        ),
    }
    Ok(())
}

fn rest(chat: Object<'_>, translation: &mut RequestTranslation) -> Result<(), BadRequest> {
    for (name, value) in chat.into_left() {
        if ROUTING_MEMBERS.contains(&name.as_str()) {
            translation.routing_member(&name, value)?;
        } else if let Some((_, why)) = NATIVE_ONLY.iter().find(|(known, _)| *known == name) {
            translation.only_natively(name, why);
        } else if NO_EQUIVALENT.contains(&name.as_str()) {
            translation.drop(name, Reason::NoEquivalent);
        } else {
            translation.drop(name, Reason::Unknown);
        }
    }
    Ok(())
}
