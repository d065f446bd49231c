//! What every dialect needs that is written from an Anthropic request and has no place for all of
//! it.

use ainfera_schema::{Model, Reasoning};
use bytes::Bytes;
use serde_json::Value;

use crate::client::messages::content::{Block, BlockExtras};
use crate::client::messages::request::ROUTING_MEMBERS;
use crate::codec::json::Members;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::tool_names::ToolNames;
use crate::provider::untranslated::report_untranslated;

/// The model that is asked.
#[derive(Debug, Clone, Copy)]
pub struct TargetModel<'a> {
    pub upstream_name: &'a str,
    pub reasoning: Reasoning,
    pub max_output_tokens: Option<u64>,
}

impl<'a> TargetModel<'a> {
    /// `by_name` tells what nobody configured.
    pub fn of(model: &'a Model, by_name: impl Fn(&str) -> Reasoning) -> Self {
        let upstream_name = model.upstream_name.as_str();
        let reasoning = model.reasoning.unwrap_or_else(|| by_name(upstream_name));
        Self { upstream_name, reasoning, max_output_tokens: model.max_output_tokens }
    }
}

/// What goes to the provider, and what became of the caller's words on the way.
#[derive(Debug)]
pub struct EncodedRequest {
    pub body: Bytes,
    pub coercions: Coercions,
    pub tool_names: ToolNames,
}

/// Names what a translation does not read: members of the body, and whatever stands inside those
/// that it reads.
pub fn report_untranslated_members(
    body: &[u8],
    read: &[&str],
    coercions: &mut Coercions,
) -> Result<(), BadRequest> {
    let members =
        Members::parse(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
    for (key, value) in &members.0 {
        let key: &str = key;
        if read.contains(&key) {
            report_untranslated(key, value, coercions);
        } else if !ROUTING_MEMBERS.contains(&key) {
            coercions.add(key, Change::Dropped(Reason::NoEquivalent));
        }
    }
    Ok(())
}

/// Names the members of a block that other dialects have no place for.
pub fn report_extras(extras: BlockExtras, path: &str, coercions: &mut Coercions) {
    if extras.cache_control {
        coercions.add(format!("{path}.cache_control"), Change::Dropped(Reason::NoEquivalent));
    }
    if extras.citations {
        coercions.add(format!("{path}.citations"), Change::Dropped(Reason::NoEquivalent));
    }
}

/// The text blocks of a place that takes nothing else.
pub fn joined_text(blocks: &[Block<'_>], path: &str, coercions: &mut Coercions) -> String {
    let mut texts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Text { text, extras } => {
                report_extras(*extras, &format!("{path}.{index}"), coercions);
                texts.push(&**text);
            }
            _ => coercions.add(format!("{path}.{index}"), Change::Dropped(Reason::NoEquivalent)),
        }
    }
    texts.join("\n\n")
}

/// A value that stands in the request as it came.
pub fn parsed(json: &str, field: &str) -> Result<Value, BadRequest> {
    serde_json::from_str(json).map_err(|error| BadRequest::new(field, error.to_string()))
}
