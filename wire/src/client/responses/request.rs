//! `POST /v1/responses`, parsed at the edge and said in Anthropic's form. What is wrong is named,
//! what that form cannot say is named too.
//!
//! Nothing is kept here from one call to the next: what refers to something kept goes only to a
//! provider of this dialect that may have it. Source: OpenAI API reference, responses, create.

pub(super) mod items;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::client::call::{Call, ClientHeaders};
use crate::client::chat::request::DEFAULT_MAX_TOKENS;
use crate::client::openai;
use crate::client::translation::RequestTranslation;
use crate::codec::json::is_too_deep;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::{BadRequest, parse_body};
use crate::extra_costs::ExtraCosts;
use crate::request::ROUTING_MEMBERS;

/// What of the request comes back in its answer, and what the answer's calls are to be called.
#[derive(Debug, Clone, Default)]
pub struct ResponsesClient {
    /// Members of the response object that repeat the request's.
    pub echo: Map<String, Value>,
    /// Names of tools that take any text: their calls are items of a kind of their own.
    pub custom_tools: Vec<String>,
}

/// Members that come back in the answer, and what they are where the request does not say.
const ECHO: [(&str, &str); 13] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "null"),
    ("truncation", "\"disabled\""),
    ("user", "null"),
];

/// Members that Anthropic's form has no place for, and that say nothing of what the model shall do.
const NO_EQUIVALENT: [&str; 10] = [
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    "top_logprobs",
    "max_tool_calls",
    "stream_options",
    "truncation",
    "store",
    "client_metadata",
];

/// Members that refer to what somebody keeps.
const NATIVE_ONLY: [(&str, &str); 4] = [
    (
        "previous_response_id",
        "nothing is kept here from one call to the next: send the whole conversation in `input`",
    ),
    (
        "conversation",
        "nothing is kept here from one call to the next: send the whole conversation in `input`",
    ),
    ("prompt", "prompts are kept at OpenAI only"),
    ("background", "an answer that nobody waits for is kept at OpenAI only"),
];

impl Call {
    /// Parses a Responses body. `estimate` counts the tokens of a text.
    pub fn from_responses(
        body: Bytes,
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        if is_too_deep(&body) {
            return Err(BadRequest::new(
                "body",
                format!("nested deeper than {} levels", crate::codec::json::MAX_DEPTH),
            ));
        }
        let Value::Object(mut request) = parse_body::<Value>(&body)? else {
            return Err(BadRequest::new("body", "must be an object"));
        };
        // a null says nothing
        request.retain(|_, value| !value.is_null());
        let mut client = ResponsesClient { echo: echo(&request), custom_tools: Vec::new() };
        let costs = ExtraCosts::read_values(&body, &request);
        let mut translation = RequestTranslation::default();
        let model = request
            .shift_remove("model")
            .ok_or_else(|| BadRequest::new("model", "field required"))?;
        translation.set("model", "model", model);
        token_limit(&mut request, &mut translation)?;
        openai::stream(&mut request, &mut translation)?;
        items::translate(&mut request, &mut translation)?;
        tools::translate(&mut request, &mut client, &mut translation)?;
        openai::numbers(&mut request, &["temperature", "top_p"], &mut translation)?;
        answer(&mut request, &mut translation)?;
        openai::user(&mut request, &mut translation)?;
        rest(request, &mut translation);
        let (request, translation) = translation.done()?;
        Call::of_request(
            Client::Responses(Box::new(client)),
            body,
            (request, costs?),
            Some(translation),
            headers,
            estimate,
        )
    }
}

fn echo(request: &Map<String, Value>) -> Map<String, Value> {
    let said = |name: &str, default: &str| match request.get(name) {
        Some(value) => value.clone(),
        None => serde_json::from_str(default).unwrap_or_default(),
    };
    ECHO.iter().map(|(name, default)| ((*name).to_owned(), said(name, default))).collect()
}

fn token_limit(
    request: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    match request.shift_remove("max_output_tokens") {
        None => {
            translation.form.insert("max_tokens".to_owned(), json!(DEFAULT_MAX_TOKENS));
        }
        Some(limit) if limit.as_u64().is_some_and(|limit| limit > 0) => {
            translation.set("max_tokens", "max_output_tokens", limit)
        }
        Some(_) => {
            return Err(BadRequest::new("max_output_tokens", "must be an integer of at least 1"));
        }
    }
    Ok(())
}

/// How the answer shall be: thought about, and formed.
fn answer(
    request: &mut Map<String, Value>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let mut output = Map::new();
    if let Some(reasoning) = request.shift_remove("reasoning") {
        let mut reasoning = crate::client::translation::object(reasoning, "reasoning")?;
        if let Some(word) = reasoning.shift_remove("effort") {
            openai::effort(
                word.as_str().unwrap_or_default(),
                "reasoning.effort",
                &mut output,
                translation,
            )?;
        }
        for name in reasoning.keys() {
            translation.drop(format!("reasoning.{name}"), Reason::NoEquivalent);
        }
    }
    if let Some(text) = request.shift_remove("text") {
        let mut text = crate::client::translation::object(text, "text")?;
        if let Some(format) = text.shift_remove("format") {
            openai::format(&format, "text.format", "", &mut output, translation)?;
        }
        for name in text.keys() {
            translation.drop(format!("text.{name}"), Reason::NoEquivalent);
        }
    }
    if !output.is_empty() {
        translation.form.insert("output_config".to_owned(), Value::Object(output));
    }
    Ok(())
}

fn rest(mut request: Map<String, Value>, translation: &mut RequestTranslation) {
    if let Some(Value::Array(included)) = request.shift_remove("include") {
        for (index, what) in included.iter().enumerate() {
            // reasoning always comes with what is needed to give it back
            if what != "reasoning.encrypted_content" {
                translation.drop(format!("include.{index}"), Reason::NoEquivalent);
            }
        }
    }
    for (name, value) in request {
        let says_what_is_so = match name.as_str() {
            "store" | "background" => value == json!(false),
            "truncation" => value == "disabled",
            "agent_id" => true,
            _ => false,
        };
        if says_what_is_so {
            continue;
        }
        if ROUTING_MEMBERS.contains(&name.as_str()) {
            translation.form.insert(name.clone(), value);
            translation.source_map.add(name.clone(), name);
        } else if let Some((_, why)) = NATIVE_ONLY.iter().find(|(known, _)| *known == name) {
            translation.only_natively(name, why);
        } else if NO_EQUIVALENT.contains(&name.as_str()) {
            translation.drop(name, Reason::NoEquivalent);
        } else {
            translation.drop(name, Reason::Unknown);
        }
    }
}
