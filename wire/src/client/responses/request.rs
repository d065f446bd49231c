//! `POST /v1/responses`, parsed at the edge into the typed request. What is wrong is named, what
//! that request cannot say is named too.
//!
//! Nothing is kept here from one call to the next: what refers to something kept goes only to a
//! provider of this dialect that may have it. Source: OpenAI API reference, responses, create.

mod client_calls;
mod content;
mod echo;
pub(super) mod items;
#[cfg(test)]
mod tests;
mod tools;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::client::call::{Call, ClientHeaders};
use crate::client::openai;
use crate::client::openai::declared_tools::DeclaredTools;
use crate::client::output_limit::DEFAULT_MAX_TOKENS;
use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::extra_costs::ExtraCosts;
use crate::request::setting::SettingKind;
use crate::request::{OutputConfig, ROUTING_MEMBERS};

/// What of the request comes back in its answer, and what the answer's calls are to be called.
#[derive(Debug, Clone, Default)]
pub struct ResponsesClient {
    /// Members of the response object that repeat the request's.
    pub echo: Map<String, Value>,
    /// The tools that the client runs: their calls come back as it declared them.
    pub tools: DeclaredTools,
}

/// Members that Anthropic's form has no place for, and that say nothing of what the model shall do.
const NO_EQUIVALENT: [&str; 6] =
    ["top_logprobs", "max_tool_calls", "stream_options", "truncation", "store", "client_metadata"];

/// Members that some of the other dialects have.
const SETTINGS: [&str; 4] =
    ["metadata", "prompt_cache_key", "prompt_cache_retention", "service_tier"];

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
        let mut request = openai::body(&body)?;
        let mut client =
            ResponsesClient { echo: echo::of(request.members()), ..ResponsesClient::default() };
        let costs = ExtraCosts::read_values(&body, request.members());
        let mut translation = RequestTranslation::default();
        openai::model(&mut request, &mut translation)?;
        token_limit(&mut request, &mut translation)?;
        openai::stream(&mut request, &mut translation)?;
        let tools = &mut client.tools;
        let mut offered = tools::read(&mut request, tools, &mut translation)?;
        items::translate(&mut request, tools, &mut offered, &mut translation)?;
        offered.place(&mut request, tools, &mut translation)?;
        openai::sampling(&mut request, &["temperature", "top_p"], &mut translation)?;
        answer(&mut request, &mut translation)?;
        openai::user(&mut request, &mut translation)?;
        openai::settings(&mut request, &SETTINGS, &mut translation);
        rest(request, &mut translation)?;
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

fn token_limit(
    request: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    if let Some(limit) = request.take("max_output_tokens") {
        return openai::token_limit(&limit, "max_output_tokens", translation);
    }
    translation.request.max_tokens = DEFAULT_MAX_TOKENS;
    translation.member("max_tokens");
    Ok(())
}

/// How the answer shall be: thought about, and formed.
fn answer(
    request: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<(), BadRequest> {
    let mut output = OutputConfig::default();
    let path = request.path;
    if let Some(reasoning) = request.take("reasoning") {
        let mut reasoning = Object::read(reasoning, path.member("reasoning"))?;
        if let Some(word) = reasoning.take("effort") {
            let word = word.as_str().unwrap_or_default();
            openai::effort(word, "reasoning.effort", &mut output, translation)?;
        }
        translation.drop_left(&reasoning, Reason::NoEquivalent);
    }
    if let Some(text) = request.take("text") {
        let mut text = Object::read(text, path.member("text"))?;
        if let Some(format) = text.take("format") {
            openai::format(&format, "text.format", "", &mut output, translation)?;
        }
        if let Some(verbosity) = text.take("verbosity") {
            translation.set(SettingKind::Verbosity, verbosity, text.at("verbosity"));
        }
        translation.drop_left(&text, Reason::NoEquivalent);
    }
    openai::output_config(output, translation);
    Ok(())
}

fn rest(mut request: Object<'_>, translation: &mut RequestTranslation) -> Result<(), BadRequest> {
    if let Some(Value::Array(included)) = request.take("include") {
        for (index, what) in included.iter().enumerate() {
            // reasoning always comes with what is needed to give it back
            if what != "reasoning.encrypted_content" {
                translation.drop(format!("include.{index}"), Reason::NoEquivalent);
            }
        }
    }
    for (name, value) in request.into_left() {
        let says_what_is_so = match name.as_str() {
            "store" | "background" => value == json!(false),
            "truncation" => value == "disabled",
            _ => false,
        };
        if says_what_is_so {
            continue;
        }
        if ROUTING_MEMBERS.contains(&name.as_str()) {
            translation.routing_member(&name, value)?;
        } else if let Some((_, why)) = NATIVE_ONLY.iter().find(|(known, _)| *known == name) {
            translation.only_by_its_keeper(name, why);
        } else if NO_EQUIVALENT.contains(&name.as_str()) {
            translation.drop(name, Reason::NoEquivalent);
        } else {
            translation.drop(name, Reason::Unknown);
        }
    }
    Ok(())
}
