//! The turns of an Anthropic request as contents: one for each change of speaker, what tools
//! returned before everything else of its turn.

use serde_json::{Map, Value, json};

use crate::codec::json::object;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::gemini::models::Generation;
use crate::provider::gemini::signatures::{On, UNSIGNED, given_back};
use crate::provider::lossy::{instructions_of_the_user, joined_text, report_extras};
use crate::provider::tool_names::ToolNames;
use crate::request::content::{Block, Source, ToolOutcome};
use crate::request::{Request, Role, Turn};

/// A longer tool name is refused.
pub const LONGEST_TOOL_NAME: usize = 64;

/// Every turn; a call without a result, or a result without a call, is the caller's mistake.
pub fn contents(
    request: &Request,
    generation: Generation,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Vec<Value>, BadRequest> {
    let mut writer = Writer {
        contents: Vec::new(),
        generation,
        tool_names,
        coercions,
        names: Vec::new(),
        unanswered: Vec::new(),
    };
    for (index, turn) in request.turns.iter().enumerate() {
        let path = format!("messages.{index}.content");
        match turn.role {
            Role::System => writer.instructions(turn, index, &path),
            Role::Assistant => writer.assistant(turn, index, &path)?,
            Role::User => writer.user(turn, &path)?,
        }
    }
    writer.all_answered(request.turns.len())?;
    Ok(writer.contents)
}

struct Writer<'w, 'a> {
    contents: Vec<Value>,
    generation: Generation,
    tool_names: &'w mut ToolNames,
    coercions: &'w mut Coercions,
    /// Names of all calls so far, by id.
    names: Vec<(&'a str, String)>,
    /// Calls that have no result yet.
    unanswered: Vec<&'a str>,
}

impl<'a> Writer<'_, 'a> {
    /// The dialect has instructions at the front alone.
    fn instructions(&mut self, turn: &Turn, index: usize, path: &str) {
        let text = joined_text(&turn.blocks, path, self.coercions);
        if text.is_empty() {
            return self.coercions.add(format!("messages.{index}"), Change::Dropped(Reason::Empty));
        }
        self.coercions.add(format!("messages.{index}.role"), Change::Moved("user message"));
        self.push("user", vec![json!({"text": instructions_of_the_user(&text)})]);
    }

    fn assistant(&mut self, turn: &'a Turn, index: usize, path: &str) -> Result<(), BadRequest> {
        if self.contents.last().is_some_and(|last| last["role"] == "user") {
            self.all_answered(index)?;
        }
        let mut parts: Vec<Value> = Vec::new();
        let mut call_signature = None;
        let mut first_call = true;
        for (index, block) in turn.blocks.iter().enumerate() {
            let path = format!("{path}.{index}");
            match block {
                Block::Text { text, extras } => {
                    report_extras(extras, &path, self.coercions);
                    if text.is_empty() {
                        self.coercions.add(path, Change::Dropped(Reason::Empty));
                    } else {
                        parts.push(json!({"text": &**text}));
                    }
                }
                Block::Thinking { text, signature } => {
                    match signature.as_deref().and_then(given_back) {
                        Some((on, signature)) => {
                            let said_before = parts.len();
                            if !text.is_empty() {
                                parts.push(json!({"text": &**text, "thought": true}));
                            }
                            match on {
                                On::Call => call_signature = Some(signature),
                                On::Text => sign_text(&mut parts, said_before, signature),
                            }
                        }
                        None => self.coercions.add(path, Change::Dropped(Reason::Issuer)),
                    }
                }
                Block::RedactedThinking => {
                    self.coercions.add(path, Change::Dropped(Reason::Issuer))
                }
                Block::ToolUse { id, name, input, extras } => {
                    report_extras(extras, &path, self.coercions);
                    let name = self.tool_names.sent(name, LONGEST_TOOL_NAME);
                    let args = input.value(&format!("{path}.input"))?;
                    let called = [("id", json!(&**id)), ("name", json!(name)), ("args", args)];
                    let mut part = object([("functionCall", object(called))]);
                    // parallel calls are signed together, on the first
                    let unsigned =
                        (first_call && self.generation == Generation::Signed).then_some(UNSIGNED);
                    if let Some(signature) = call_signature.take().or(unsigned) {
                        part["thoughtSignature"] = json!(signature);
                    }
                    first_call = false;
                    parts.push(part);
                    self.names.push((&**id, name));
                    self.unanswered.push(&**id);
                }
                _ => self.coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            }
        }
        self.push("model", parts);
        Ok(())
    }

    fn user(&mut self, turn: &'a Turn, path: &str) -> Result<(), BadRequest> {
        let mut responses = Vec::new();
        let mut parts = Vec::new();
        for (index, block) in turn.blocks.iter().enumerate() {
            let path = format!("{path}.{index}");
            match block {
                Block::ToolResult { tool_use_id, content, outcome, extras } => {
                    report_extras(extras, &path, self.coercions);
                    let Some(open) = self.unanswered.iter().position(|id| *id == &**tool_use_id)
                    else {
                        return Err(BadRequest::new(
                            format!("{path}.tool_use_id"),
                            "no `tool_use` block before it has this id",
                        ));
                    };
                    self.unanswered.remove(open);
                    responses.push(self.response(
                        tool_use_id,
                        content,
                        *outcome,
                        &path,
                        &mut parts,
                    ));
                }
                // refused: "an empty text parameter",
                // <https://github.com/microsoft/autogen/issues/5762> (2025-02-28)
                Block::Text { text, .. } if text.is_empty() => {
                    self.coercions.add(path, Change::Dropped(Reason::Empty));
                }
                block => match part(block, &path, self.coercions) {
                    Some(part) => parts.push(part),
                    None => self.coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
                },
            }
        }
        self.push("user", parts);
        self.put_first(responses);
        Ok(())
    }

    fn response(
        &mut self,
        id: &str,
        content: &[Block],
        outcome: ToolOutcome,
        path: &str,
        parts: &mut Vec<Value>,
    ) -> Value {
        let mut texts = Vec::new();
        let mut attachments = Vec::new();
        for (inner, block) in content.iter().enumerate() {
            let path = format!("{path}.content.{inner}");
            match (part(block, &path, self.coercions), self.generation) {
                (Some(part), _) if part["text"].is_string() => {
                    texts.push(part["text"].as_str().unwrap_or_default().to_owned())
                }
                (Some(part), Generation::Signed) => attachments.push(part),
                (Some(part), _) => {
                    self.coercions.add(path, Change::Moved("user message"));
                    parts.push(json!({"text": format!("Attachment of tool result {id}:")}));
                    parts.push(part);
                }
                (None, _) => self.coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            }
        }
        let word = if outcome == ToolOutcome::Failed { "error" } else { "output" };
        let name = self
            .names
            .iter()
            .rev()
            .find(|(known, _)| *known == id)
            .map(|(_, name)| name.as_str())
            .unwrap_or_default();
        let output = object([(word, texts.join("\n").into())]);
        let mut response = object([("id", json!(id)), ("name", json!(name)), ("response", output)]);
        if !attachments.is_empty() {
            response["parts"] = Value::Array(attachments);
        }
        object([("functionResponse", response)])
    }

    /// Consecutive turns of one speaker are one content.
    fn push(&mut self, role: &str, mut parts: Vec<Value>) {
        if let Some(last) = self.contents.last_mut().filter(|last| last["role"] == role)
            && let Some(before) = last["parts"].as_array_mut()
        {
            before.append(&mut parts);
            return;
        }
        if !parts.is_empty() {
            self.contents.push(object([("role", json!(role)), ("parts", Value::Array(parts))]));
        }
    }

    /// Responses stand before everything else that the user says.
    fn put_first(&mut self, responses: Vec<Value>) {
        if responses.is_empty() {
            return;
        }
        match self
            .contents
            .last_mut()
            .filter(|last| last["role"] == "user")
            .and_then(|last| last["parts"].as_array_mut())
        {
            Some(parts) => {
                let place =
                    parts.iter().take_while(|part| part.get("functionResponse").is_some()).count();
                parts.splice(place..place, responses);
            }
            None => self
                .contents
                .push(object([("role", json!("user")), ("parts", Value::Array(responses))])),
        }
    }

    fn all_answered(&self, turn: usize) -> Result<(), BadRequest> {
        if self.unanswered.is_empty() {
            return Ok(());
        }
        let ids = self.unanswered.join(", ");
        let message = format!(
            "`tool_use` ids were found without `tool_result` blocks immediately after: {ids}"
        );
        Err(BadRequest::new(format!("messages.{}", turn.saturating_sub(1)), message))
    }
}

/// On the text before it where there is one, else on one that says nothing.
fn sign_text(parts: &mut Vec<Value>, before: usize, signature: &str) {
    let text = before.checked_sub(1).and_then(|last| parts.get_mut(last));
    match text.filter(|part| {
        part["text"].is_string()
            && part.get("thought").is_none()
            && part.get("thoughtSignature").is_none()
    }) {
        Some(part) => part["thoughtSignature"] = json!(signature),
        None => parts.push(json!({"text": "", "thoughtSignature": signature})),
    }
}

fn part(block: &Block, path: &str, coercions: &mut Coercions) -> Option<Value> {
    match block {
        Block::Text { text, extras } => {
            report_extras(extras, path, coercions);
            Some(json!({"text": &**text}))
        }
        Block::Image { source, extras } => {
            report_extras(extras, path, coercions);
            data(source)
        }
        Block::Document { source, title, context, extras } => {
            report_extras(extras, path, coercions);
            if context.is_some() {
                coercions.add(format!("{path}.context"), Change::Dropped(Reason::NoEquivalent));
            }
            if let Source::Text(text) = source {
                coercions.add(path, Change::Moved("text"));
                return Some(
                    json!({"text": format!("{}:\n{}", title.as_deref().unwrap_or("document"), &**text)}),
                );
            }
            if title.is_some() {
                coercions.add(format!("{path}.title"), Change::Dropped(Reason::NoEquivalent));
            }
            data(source)
        }
        Block::SearchResult { source, title, content, extras } => {
            report_extras(extras, path, coercions);
            coercions.add(path, Change::Moved("text"));
            let body = joined_text(content, path, coercions);
            Some(json!({"text": format!("{} ({})\n{body}", &**title, &**source)}))
        }
        _ => None,
    }
}

fn data(source: &Source) -> Option<Value> {
    match source {
        Source::Base64 { media_type, data } => {
            Some(json!({"inlineData": {"mimeType": &**media_type, "data": &**data}}))
        }
        Source::Url(url) => {
            let mut file = Map::new();
            if let Some(media_type) = media_type_of(url) {
                file.insert("mimeType".to_owned(), json!(media_type));
            }
            file.insert("fileUri".to_owned(), json!(&**url));
            Some(json!({"fileData": file}))
        }
        Source::Text(_) | Source::AnthropicOnly => None,
    }
}

fn media_type_of(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or(url).to_ascii_lowercase();
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        _ => return None,
    })
}
