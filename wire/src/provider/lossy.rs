//! What every dialect needs that is written from an Anthropic request and has no place for all of
//! it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::codec::json::object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::strict_schema::can_be_strict;
use crate::provider::written::Joined;
use crate::request::content::{Block, BlockExtras};
use crate::request::{OutputConfig, ROUTING_MEMBERS, Request, SchemaLabel, Tool};
use crate::tool_names::ToolNames;

/// A request in a provider's words, and what became of the caller's on the way. It is not written
/// yet: who only wants to know what is lost need not write it.
#[derive(Debug)]
pub(crate) struct Encoded<B> {
    pub body: B,
    pub coercions: Coercions,
    pub tool_names: ToolNames,
}

/// The text of a body.
pub(crate) fn written(body: &impl Serialize) -> Result<Bytes, BadRequest> {
    let body =
        serde_json::to_vec(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
    Ok(Bytes::from(body))
}

/// Names what a translation does not read: members of the body that are not among `read`, and
/// whatever stands inside those that are.
pub(crate) fn report_untranslated(request: &Request, read: &[&str], coercions: &mut Coercions) {
    for member in &request.members {
        if read.contains(&&*member.name) {
            for path in &member.unread {
                coercions.add(path.as_str(), Change::Dropped(Reason::Unknown));
            }
            for path in &member.as_text {
                coercions.add(path.as_str(), Change::Moved("text"));
            }
        } else if !ROUTING_MEMBERS.contains(&&*member.name) {
            coercions.add(&*member.name, Change::Dropped(Reason::NoEquivalent));
        }
    }
}

/// Name and schema of a tool that the client runs, for a dialect that has no others.
pub(crate) fn function_of(tool: &Tool, index: usize) -> Result<(&str, &RawJson), BadRequest> {
    let (Some(name), Some(schema)) = (&tool.name, &tool.input_schema) else {
        let message = "only Anthropic's own API has this tool";
        return Err(BadRequest::new(format!("tools.{index}.type"), message));
    };
    Ok((&**name, schema))
}

/// Names what other dialects have no place for: that Anthropic defines the tool, and its cache
/// breakpoint.
pub(crate) fn report_marks(tool: &Tool, index: usize, coercions: &mut Coercions) {
    if !tool.is_custom() {
        coercions.add(format!("tools.{index}.type"), Change::Moved("function"));
    }
    if tool.cache_control.is_some() {
        let field = format!("tools.{index}.cache_control");
        coercions.add(field, Change::Dropped(Reason::NoEquivalent));
    }
}

/// Names the members of a block that other dialects have no place for.
pub(crate) fn report_extras(extras: &BlockExtras, path: &str, coercions: &mut Coercions) {
    if extras.cache_control.is_some() {
        coercions.add(format!("{path}.cache_control"), Change::Dropped(Reason::NoEquivalent));
    }
    if extras.citations {
        coercions.add(format!("{path}.citations"), Change::Dropped(Reason::NoEquivalent));
    }
}

/// Instructions in the middle of a conversation, for a model that takes none there: what the user
/// says in their place.
pub(crate) fn instructions_of_the_user(instructions: Joined<'_>) -> Joined<'_> {
    Joined { before: "<system>\n", after: "\n</system>", ..instructions }
}

/// Names the detail of an image, for a dialect that has no such word.
pub(crate) fn report_detail(extras: &BlockExtras, path: &str, coercions: &mut Coercions) {
    if extras.detail.is_some() {
        coercions.add(format!("{path}.detail"), Change::Dropped(Reason::NoEquivalent));
    }
}

/// Names what stands beside the schema of the answer, for a dialect whose answers always keep to
/// their schemas.
pub(crate) fn report_schema_label(output: &OutputConfig, coercions: &mut Coercions) {
    let Some(label) = &output.schema_label else { return };
    let said = [
        ("output_config.format.name", label.name.is_some()),
        ("output_config.format.description", label.description.is_some()),
        ("output_config.format.strict", label.strict == Some(false)),
    ];
    for (field, _) in said.into_iter().filter(|(_, is_said)| *is_said) {
        coercions.add(field, Change::Dropped(Reason::NoEquivalent));
    }
}

/// The schema of the answer with its label, as OpenAI's dialects have it. Who says no more than a
/// schema wants it kept to.
pub(crate) fn labelled_schema(output: &OutputConfig, schema: Value) -> Value {
    let unsaid = SchemaLabel { strict: Some(true), ..SchemaLabel::default() };
    let label = output.schema_label.as_ref().unwrap_or(&unsaid);
    let name = label.name.as_deref().unwrap_or("answer");
    let mut labelled = object([("name", name.into()), ("schema", schema)]);
    if let Some(strict) = label.strict {
        labelled["strict"] = strict.into();
    }
    if let Some(description) = &label.description {
        labelled["description"] = (&**description).into();
    }
    labelled
}

/// A schema that cannot be a strict one is refused where it is called so.
pub(crate) fn loosen_schema(labelled: &mut Value, coercions: &mut Coercions) {
    if labelled["strict"] == true && !can_be_strict(&labelled["schema"]) {
        labelled["strict"] = false.into();
        coercions.add("output_config.format.schema", Change::Clamped("not strict".to_owned()));
    }
}

/// The text blocks of a place that takes nothing else.
pub(crate) fn joined_text<'r>(
    blocks: &'r [Block],
    path: &str,
    coercions: &mut Coercions,
) -> Joined<'r> {
    let mut texts = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        match block {
            Block::Text { text, extras } => {
                report_extras(extras, &format!("{path}.{index}"), coercions);
                texts.push(Cow::Borrowed(&**text));
            }
            _ => coercions.add(format!("{path}.{index}"), Change::Dropped(Reason::NoEquivalent)),
        }
    }
    Joined::of(texts, "\n\n")
}

/// A document that is text, for a dialect without such documents.
pub(crate) fn titled_text<'r>(title: Option<&'r str>, text: &'r str) -> Joined<'r> {
    let title = title.unwrap_or("document");
    Joined::of(vec![Cow::Borrowed(title), Cow::Borrowed(text)], ":\n")
}

/// A search result, for a dialect without them; its place is `path`.
pub(crate) fn search_result_text<'r>(
    (source, title): (&'r str, &'r str),
    content: &'r [Block],
    path: &str,
    coercions: &mut Coercions,
) -> Joined<'r> {
    coercions.add(path, Change::Moved("text"));
    let body = joined_text(content, path, coercions);
    Joined::of(vec![Cow::Owned(format!("{title} ({source})\n{body}"))], "")
}
