//! `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`, parsed at the edge
//! into the typed request. What is wrong is named, what that request cannot say is named too.
//!
//! Source: ai.google.dev/api/generate-content, read on 2026-12-01.

mod config;
mod contents;
mod costs;
mod parts;
mod tools;

use bytes::Bytes;

use crate::client::Client;
use crate::client::call::{Call, ClientHeaders};
use crate::client::gemini::names::{camel_case, take};
use crate::client::openai;
use crate::client::output_limit::DEFAULT_MAX_TOKENS;
use crate::client::translation::RequestTranslation;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::ROUTING_MEMBERS;
use crate::request::setting::SettingKind;

/// What the address of a call says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeminiTarget {
    pub model: String,
    pub form: GeminiForm,
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeminiForm {
    Whole,
    /// Server-sent events: `?alt=sse`.
    Events,
    /// One JSON array, whose elements are written as they come.
    Array,
}

/// Whether the caller wants to see what the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoughts {
    Included,
    LeftOut,
}

/// What the client said about its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GeminiClient {
    pub form: GeminiForm,
    pub thoughts: Thoughts,
}

/// Members that say nothing of what another vendor's model shall do.
const NO_EQUIVALENT: [&str; 2] = ["safetySettings", "store"];

impl Call {
    /// Parses a body of Gemini's. `estimate` counts the tokens of a text.
    pub fn from_gemini(
        body: Bytes,
        target: GeminiTarget,
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let mut gemini = openai::body(&body)?;
        let costs = costs::of(&body, &gemini)?;
        let mut translation = RequestTranslation::default();
        translation.request.model = target.model.into();
        translation.member("model");
        translation.request.stream = target.form != GeminiForm::Whole;
        translation.member("stream");
        // the address says it
        gemini.take("model");
        contents::translate(&mut gemini, &mut translation)?;
        tools::translate(&mut gemini, &mut translation)?;
        let thoughts = config::translate(&mut gemini, &mut translation)?;
        if translation.source_map.source_of("max_tokens").is_none() {
            translation.request.max_tokens = DEFAULT_MAX_TOKENS;
            translation.member("max_tokens");
        }
        if let Some((name, _)) = take(&mut gemini, "cachedContent")? {
            translation.only_natively(name, "what a vendor keeps can only be read there");
        }
        if let Some((name, labels)) = take(&mut gemini, "labels")? {
            translation.set(SettingKind::Metadata, labels, name);
        }
        if let Some((name, tier)) = take(&mut gemini, "serviceTier")? {
            let word = costs::tier_word(&tier);
            translation.set(SettingKind::ServiceTier, word.map_or(tier, Into::into), name);
        }
        for (name, value) in gemini.into_left() {
            if ROUTING_MEMBERS.contains(&name.as_str()) {
                translation.routing_member(&name, value)?;
            } else if NO_EQUIVALENT.contains(&&*camel_case(&name)) {
                translation.drop(name, Reason::NoEquivalent);
            } else {
                translation.drop(name, Reason::Unknown);
            }
        }
        let (request, translation) = translation.done()?;
        let client = Client::Gemini(GeminiClient { form: target.form, thoughts });
        Call::of_request(client, body, (request, costs), Some(translation), headers, estimate)
    }

    /// Parses a body to be counted: a conversation, or a whole request under
    /// `generateContentRequest`.
    pub fn from_uncounted_gemini(
        body: &[u8],
        model: String,
        headers: ClientHeaders,
        estimate: &dyn Fn(&str) -> u64,
    ) -> Result<Self, BadRequest> {
        let mut members = openai::body(body)?;
        let inner = take(&mut members, "generateContentRequest")?;
        let body = match inner {
            Some((_, request)) => Bytes::from(request.to_string()),
            None => Bytes::copy_from_slice(body),
        };
        let target = GeminiTarget { model, form: GeminiForm::Whole };
        Call::from_gemini(body, target, headers, estimate)
    }
}
