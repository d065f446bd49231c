//! Turns as messages of the reference form.

use std::borrow::Cow;
use std::collections::HashMap;

use ainfera_schema::Reasoning;
use bytestring::ByteString;
use serde_json::{Value, json};

use crate::codec::json::object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::provider::chat::adjust::messages::CALL_IDS;
use crate::provider::chat::own_reasoning::{GivenBack, ReasoningMember};
use crate::provider::chat::profile::CallSignature;
use crate::provider::chat::request::Notes;
use crate::provider::chat::target::Target;
use crate::provider::kept_call_id::{self, VendorCall};
use crate::provider::lossy::{joined_text, report_extras, search_result_text, titled_text};
use crate::provider::written::{FileUrl, Joined, Texts};
use crate::request::content::{Block, Source, ToolOutcome};
use crate::request::{Request, Role, Turn};
use crate::thought_signatures::{On, given_back};

pub(super) fn messages(
    request: &Request,
    target: &Target<'_>,
    texts: Texts,
    notes: &mut Notes,
) -> Result<Vec<Value>, BadRequest> {
    let mut writer = Writer {
        target,
        texts,
        notes,
        messages: Vec::with_capacity(request.turns.len() + 1),
        called: Vec::new(),
        owner: target.owner().name(),
        own_ids: HashMap::new(),
    };
    writer.notes.source_map.add(CALL_IDS, "messages.*.tool_use.id");
    let system = joined_text(&request.system, "system", &mut writer.notes.coercions);
    if !system.is_empty() {
        let role = if target.abilities.reasoning == Reasoning::Always {
            target.profile.reasoning_system
        } else {
            "system"
        };
        let content = texts.joined(&system);
        writer.push(object([("role", json!(role)), ("content", content)]), "system".to_owned());
    }
    for (index, turn) in request.turns.iter().enumerate() {
        let path = format!("messages.{index}");
        match turn.role {
            Role::System => {
                let text = joined_text(
                    &turn.blocks,
                    &format!("{path}.content"),
                    &mut writer.notes.coercions,
                );
                writer.push(
                    object([("role", json!("system")), ("content", texts.joined(&text))]),
                    path,
                );
            }
            Role::Assistant => writer.assistant(turn, path),
            Role::User => writer.user(turn, path)?,
        }
    }
    Ok(writer.messages)
}

/// What a turn of the assistant says.
#[derive(Default)]
struct Answer<'r> {
    said: Vec<Cow<'r, str>>,
    calls: Vec<Value>,
    reasoning: Vec<Cow<'r, str>>,
    /// Of everything that goes back to its maker.
    reasoning_paths: Vec<String>,
    /// The member that the reasoning came in.
    reasoning_member: Option<ReasoningMember>,
    details: Vec<Value>,
    /// Of the call that follows.
    call_signature: Option<&'r str>,
    /// Of the text.
    text_signature: Option<&'r str>,
}

/// A text, unless it is empty.
fn said(text: &str) -> Option<Cow<'_, str>> {
    Some(Cow::Borrowed(text)).filter(|text| !text.is_empty())
}

struct Writer<'w, 't> {
    target: &'w Target<'t>,
    texts: Texts,
    notes: &'w mut Notes,
    messages: Vec<Value>,
    /// Ids of the calls of the last assistant turn: their results follow in this order.
    called: Vec<String>,
    owner: ByteString,
    /// The vendor's own ids of calls, by those that the client has.
    own_ids: HashMap<String, String>,
}

impl Writer<'_, '_> {
    fn push(&mut self, message: Value, origin: String) {
        self.notes.source_map.add(format!("messages.{}", self.messages.len()), origin);
        self.messages.push(message);
    }

    fn lost(&mut self, path: String, reason: Reason) {
        self.notes.coercions.add(path, Change::Dropped(reason));
    }

    /// One message: its text, or null, and its calls in order. Nothing at all is no message.
    fn assistant(&mut self, turn: &Turn, turn_path: String) {
        let mut answer = Answer::default();
        self.called.clear();
        for (index, block) in turn.blocks.iter().enumerate() {
            let path = format!("{turn_path}.content.{index}");
            match block {
                Block::Text { text: piece, extras } => {
                    report_extras(extras, &path, &mut self.notes.coercions);
                    answer.said.extend(said(piece));
                }
                Block::ToolUse { id, name, input, extras } => {
                    report_extras(extras, &path, &mut self.notes.coercions);
                    self.called.push(id.to_string());
                    self.restore_id((id, name), &answer.calls);
                    let id = self.own_ids.get(&**id).map_or(&**id, String::as_str);
                    let call = self.call((id, name), input, answer.call_signature.take());
                    answer.calls.push(call);
                }
                Block::Thinking { text, signature } => {
                    self.thinking(text, signature.as_deref().unwrap_or_default(), path, &mut answer)
                }
                Block::RedactedThinking => self.lost(path, Reason::Issuer),
                _ => self.lost(path, Reason::NoEquivalent),
            }
        }
        if answer.said.is_empty() && answer.calls.is_empty() {
            // thoughts alone are no message
            for path in answer.reasoning_paths {
                self.lost(path, Reason::Vendor);
            }
            return;
        }
        let content = match answer.said.as_slice() {
            [] => Value::Null,
            _ => self.texts.joined(&Joined::of(answer.said, "")),
        };
        let mut message = object([("role", json!("assistant")), ("content", content)]);
        if let Some(member) = answer.reasoning_member.filter(|_| !answer.reasoning.is_empty()) {
            let member = member.as_str();
            message[member] = self.texts.joined(&Joined::of(answer.reasoning, ""));
        }
        if !answer.details.is_empty() {
            message[ReasoningMember::Details.as_str()] = Value::Array(answer.details);
        }
        if let Some(signature) = answer.text_signature {
            message["extra_content"] = json!({"google": {"thought_signature": signature}});
        }
        if !answer.calls.is_empty() {
            message["tool_calls"] = Value::Array(answer.calls);
        }
        self.push(message, turn_path);
    }

    /// Notes the vendor's own id for a call that it made, unless an answer has two of the same.
    fn restore_id(&mut self, (id, name): (&str, &str), before: &[Value]) {
        let own = kept_call_id::restored(VendorCall { id, name, owner: &self.owner });
        match own.filter(|own| !before.iter().any(|call| call["id"] == **own)) {
            Some(own) => drop(self.own_ids.insert(id.to_owned(), own)),
            None => drop(self.own_ids.remove(id)),
        }
    }

    fn call(&self, (id, name): (&str, &str), input: &RawJson, signature: Option<&str>) -> Value {
        // compact: the same value, whatever spaces the client wrote
        let arguments = self.texts.arguments(input);
        let function = object([("name", json!(name)), ("arguments", arguments)]);
        let mut call =
            object([("id", json!(id)), ("type", json!("function")), ("function", function)]);
        if let Some(signature) = signature {
            call["extra_content"] = json!({"google": {"thought_signature": signature}});
        }
        call
    }

    /// What the vendor itself thought goes back to it, where it has a place for that.
    fn thinking<'r>(
        &mut self,
        text: &'r str,
        signature: &'r str,
        path: String,
        answer: &mut Answer<'r>,
    ) {
        let profile = self.target.profile;
        if let (Some((on, signed)), CallSignature::GoogleExtraContent) =
            (given_back(signature).filter(|(_, signed)| !signed.is_empty()), profile.call_signature)
        {
            match on {
                On::Call => answer.call_signature = Some(signed),
                On::Text => answer.text_signature = Some(signed),
            }
            answer.reasoning_paths.push(path.clone());
            if !text.is_empty() {
                self.lost(format!("{path}.thinking"), Reason::NoEquivalent);
            }
            return;
        }
        let given_back = self.target.owner().given_back(signature);
        match given_back.filter(|_| profile.reasoning_back.is_some()) {
            Some(GivenBack::Text(member)) => {
                answer.reasoning.extend(said(text));
                answer.reasoning_member.get_or_insert(member);
                answer.reasoning_paths.push(path);
            }
            Some(GivenBack::Details(details)) => {
                match serde_json::from_str::<Vec<Value>>(details) {
                    Ok(parts) => {
                        answer.details.extend(parts);
                        answer.reasoning_paths.push(path);
                    }
                    Err(_) => self.lost(path, Reason::Issuer),
                }
            }
            None => self.lost(path, Reason::Issuer),
        }
    }

    /// Tool results first, each a message of its own, in the order of their calls; then what the
    /// user said, with images that a tool message cannot carry.
    fn user(&mut self, turn: &Turn, turn_path: String) -> Result<(), BadRequest> {
        let mut parts: Vec<(String, Value)> = Vec::new();
        let mut results: Vec<(usize, String, Value)> = Vec::new();
        for (index, block) in turn.blocks.iter().enumerate() {
            let path = format!("{turn_path}.content.{index}");
            match block {
                Block::ToolResult { tool_use_id, content, outcome, extras } => {
                    report_extras(extras, &path, &mut self.notes.coercions);
                    let mut texts = Vec::new();
                    for (inner, block) in content.iter().enumerate() {
                        let path = format!("{path}.content.{inner}");
                        if let Block::Text { text, extras } = block {
                            report_extras(extras, &path, &mut self.notes.coercions);
                            texts.push(Cow::Borrowed(&**text));
                        } else if let Some(moved) = self.part(block, &path)? {
                            self.notes.coercions.add(path.as_str(), Change::Moved("user message"));
                            parts.push((
                                path.clone(),
                                json!({"type": "text", "text": format!("Attachment of tool result {}:", &**tool_use_id)}),
                            ));
                            parts.push((path, moved));
                        }
                    }
                    let own_id = self.own_ids.get(&**tool_use_id);
                    let own_id = own_id.map_or(&**tool_use_id, String::as_str).to_owned();
                    let mut text = Joined::of(texts, "\n");
                    if *outcome == ToolOutcome::Failed {
                        self.notes.coercions.add(format!("{path}.is_error"), Change::Moved("text"));
                        text.before = "Error: ";
                    }
                    let place = self
                        .called
                        .iter()
                        .position(|id| **id == **tool_use_id)
                        .unwrap_or(usize::MAX);
                    results.push((
                        place,
                        path,
                        object([
                            ("role", json!("tool")),
                            ("tool_call_id", json!(own_id)),
                            ("content", self.texts.joined(&text)),
                        ]),
                    ));
                }
                block => {
                    if let Some(part) = self.part(block, &path)? {
                        parts.push((path, part));
                    }
                }
            }
        }
        results.sort_by_key(|(place, _, _)| *place);
        for (_, path, message) in results {
            self.push(message, path);
        }
        self.user_message(parts, turn_path);
        Ok(())
    }

    /// Plain text is what every vendor takes; anything else is parts.
    fn user_message(&mut self, parts: Vec<(String, Value)>, turn_path: String) {
        if parts.is_empty() {
            return;
        }
        let position = self.messages.len();
        let content = if parts.iter().all(|(_, part)| part["type"] == "text") {
            let texts: Vec<&str> =
                parts.iter().filter_map(|(_, part)| part["text"].as_str()).collect();
            Value::String(texts.join("\n\n"))
        } else {
            for (at, (path, _)) in parts.iter().enumerate() {
                self.notes.source_map.add(format!("messages.{position}.content.{at}"), path);
            }
            Value::Array(parts.into_iter().map(|(_, part)| part).collect())
        };
        self.push(object([("role", json!("user")), ("content", content)]), turn_path);
    }

    fn text(&self, text: &Joined<'_>) -> Value {
        object([("type", json!("text")), ("text", self.texts.joined(text))])
    }

    /// `None` for what says nothing, or cannot be said and was named.
    fn part(&mut self, block: &Block, path: &str) -> Result<Option<Value>, BadRequest> {
        let refused = |why: &str| Err(BadRequest::new(format!("{path}.source.type"), why));
        let part = match block {
            Block::Text { text, .. } if text.is_empty() => {
                self.lost(path.to_owned(), Reason::Empty);
                return Ok(None);
            }
            Block::Text { text, extras } => {
                report_extras(extras, path, &mut self.notes.coercions);
                self.text(&Joined::one(text))
            }
            Block::Image { source, extras } => {
                report_extras(extras, path, &mut self.notes.coercions);
                let url = match source {
                    Source::Base64 { media_type, data } => FileUrl::Data { media_type, data },
                    Source::Url(url) => FileUrl::Url(url),
                    Source::Text(_) | Source::AnthropicOnly => {
                        return refused("only Anthropic's own API takes images so");
                    }
                };
                let mut image = object([("url", self.texts.value(&url, false))]);
                if let Some(detail) = &extras.detail {
                    image["detail"] = json!(&**detail);
                }
                object([("type", json!("image_url")), ("image_url", image)])
            }
            Block::Document { source, title, context, extras } => {
                report_extras(extras, path, &mut self.notes.coercions);
                if context.is_some() {
                    self.lost(format!("{path}.context"), Reason::NoEquivalent);
                }
                match source {
                    Source::Text(text) => {
                        self.notes.coercions.add(path, Change::Moved("text"));
                        self.text(&titled_text(title.as_deref(), text))
                    }
                    Source::Base64 { media_type, data } => {
                        let data = FileUrl::Data { media_type, data };
                        let title = title.as_deref().unwrap_or("document");
                        let data = self.texts.value(&data, false);
                        let file = object([("filename", json!(title)), ("file_data", data)]);
                        object([("type", json!("file")), ("file", file)])
                    }
                    Source::Url(_) => {
                        return refused(
                            "Chat Completions takes documents as base64 only, not by address",
                        );
                    }
                    Source::AnthropicOnly => {
                        return refused("only Anthropic's own API takes documents so");
                    }
                }
            }
            Block::SearchResult { source, title, content, extras } => {
                report_extras(extras, path, &mut self.notes.coercions);
                let coercions = &mut self.notes.coercions;
                let text = search_result_text((source, title), content, path, coercions);
                self.text(&text)
            }
            _ => {
                self.lost(path.to_owned(), Reason::NoEquivalent);
                return Ok(None);
            }
        };
        Ok(Some(part))
    }
}
