//! The turns of an Anthropic request as contents: one for each change of speaker, what tools
//! returned before everything else of its turn.

use std::borrow::Cow;

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::model_table::ThinkingForm;
use crate::provider::gemini::content::{
    Content, FileData, FunctionCall, FunctionResponse, InlineData, Part, Returned,
};
use crate::provider::lossy::{
    instructions_of_the_user, joined_text, report_detail, report_extras, search_result_text,
    titled_text,
};
use crate::provider::written::Joined;
use crate::request::content::{Block, Source, ToolOutcome};
use crate::request::{Request, Role, Turn};
use crate::thought_signatures::{On, UNSIGNED, given_back};
use crate::tool_names::{FirstCharacter, NameRule, ToolNames};

/// Which tool names are taken. Source: Gemini API reference, FunctionDeclaration.name, and Vertex
/// AI's, which adds how a name begins; read on 2026-12-01.
pub(crate) const TOOL_NAMES: NameRule =
    NameRule { longest: 64, also: ".:", first: FirstCharacter::LetterOrUnderscore };

/// Every turn; a call without a result, or a result without a call, is the caller's mistake.
pub(crate) fn contents<'r>(
    request: &'r Request,
    thinking: ThinkingForm,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Vec<Content<'r>>, BadRequest> {
    let mut writer = Writer {
        contents: Vec::new(),
        thinking,
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
    contents: Vec<Content<'a>>,
    thinking: ThinkingForm,
    tool_names: &'w mut ToolNames,
    coercions: &'w mut Coercions,
    /// Names of all calls so far, by id.
    names: Vec<(&'a str, String)>,
    /// Calls that have no result yet.
    unanswered: Vec<&'a str>,
}

impl<'a> Writer<'_, 'a> {
    /// The dialect has instructions at the front alone.
    fn instructions(&mut self, turn: &'a Turn, index: usize, path: &str) {
        let text = joined_text(&turn.blocks, path, self.coercions);
        if text.is_empty() {
            return self.coercions.add(format!("messages.{index}"), Change::Dropped(Reason::Empty));
        }
        self.coercions.add(format!("messages.{index}.role"), Change::Moved("user message"));
        self.push("user", vec![Part::text(instructions_of_the_user(text))]);
    }

    fn assistant(&mut self, turn: &'a Turn, index: usize, path: &str) -> Result<(), BadRequest> {
        if self.contents.last().is_some_and(|last| last.role == "user") {
            self.all_answered(index)?;
        }
        let mut parts: Vec<Part<'a>> = Vec::new();
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
                        parts.push(Part::text(Joined::one(text)));
                    }
                }
                Block::Thinking { text, signature } => {
                    match signature.as_deref().and_then(given_back) {
                        Some((on, signature)) => {
                            let said_before = parts.len();
                            if !text.is_empty() {
                                let thought = Part::text(Joined::one(text));
                                parts.push(Part { thought: Some(true), ..thought });
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
                    let name = self.tool_names.sent(name);
                    // parallel calls are signed together, on the first
                    let unsigned =
                        (first_call && self.thinking == ThinkingForm::Level).then_some(UNSIGNED);
                    let call = FunctionCall { id, name: name.clone(), args: input };
                    let signature = call_signature.take();
                    if signature.is_none() && unsigned.is_some() {
                        let field = format!("{path}.thought_signature");
                        self.coercions.add(field, Change::Added(UNSIGNED.to_owned()));
                    }
                    parts.push(Part {
                        function_call: Some(call),
                        thought_signature: signature.or(unsigned),
                        ..Part::default()
                    });
                    first_call = false;
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
        id: &'a str,
        content: &'a [Block],
        outcome: ToolOutcome,
        path: &str,
        parts: &mut Vec<Part<'a>>,
    ) -> Part<'a> {
        let mut texts = Vec::new();
        let mut attachments = Vec::new();
        for (inner, block) in content.iter().enumerate() {
            let path = format!("{path}.content.{inner}");
            match (part(block, &path, self.coercions), self.thinking) {
                (Some(Part { text: Some(text), .. }), _) => texts.push(one_piece(text)),
                (Some(part), ThinkingForm::Level) => attachments.push(part),
                (Some(part), _) => {
                    self.coercions.add(path, Change::Moved("user message"));
                    let label = Cow::Owned(format!("Attachment of tool result {id}:"));
                    parts.push(Part::text(Joined::of(vec![label], "")));
                    parts.push(part);
                }
                (None, _) => self.coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            }
        }
        let known = self.names.iter().rev().find(|(known, _)| *known == id);
        let name = known.map(|(_, name)| name.clone()).unwrap_or_default();
        let texts = Joined::of(texts, "\n");
        let response = match outcome {
            ToolOutcome::Failed => Returned::Error(texts),
            ToolOutcome::Ok => Returned::Output(texts),
        };
        let response = FunctionResponse { id, name, response, parts: attachments };
        Part { function_response: Some(Box::new(response)), ..Part::default() }
    }

    /// Consecutive turns of one speaker are one content.
    fn push(&mut self, role: &'static str, mut parts: Vec<Part<'a>>) {
        match self.contents.last_mut().filter(|last| last.role == role) {
            Some(last) => last.parts.append(&mut parts),
            None if parts.is_empty() => {}
            None => self.contents.push(Content { role, parts }),
        }
    }

    /// Responses stand before everything else that the user says.
    fn put_first(&mut self, responses: Vec<Part<'a>>) {
        if responses.is_empty() {
            return;
        }
        match self.contents.last_mut().filter(|last| last.role == "user") {
            Some(Content { parts, .. }) => {
                let is_response = |part: &&Part<'_>| part.function_response.is_some();
                let place = parts.iter().take_while(is_response).count();
                parts.splice(place..place, responses);
            }
            None => self.contents.push(Content { role: "user", parts: responses }),
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
fn sign_text<'r>(parts: &mut Vec<Part<'r>>, before: usize, signature: &'r str) {
    let text = before.checked_sub(1).and_then(|last| parts.get_mut(last));
    let is_unsigned = |part: &&mut Part<'_>| {
        part.text.is_some() && part.thought.is_none() && part.thought_signature.is_none()
    };
    match text.filter(is_unsigned) {
        Some(part) => part.thought_signature = Some(signature),
        None => {
            parts.push(Part { thought_signature: Some(signature), ..Part::text(Joined::one("")) })
        }
    }
}

/// What is joined with others as one.
fn one_piece(mut text: Joined<'_>) -> Cow<'_, str> {
    match text.pieces.pop() {
        Some(piece) if text.pieces.is_empty() => piece,
        Some(piece) => {
            text.pieces.push(piece);
            Cow::Owned(text.to_string())
        }
        None => Cow::Borrowed(""),
    }
}

fn part<'r>(block: &'r Block, path: &str, coercions: &mut Coercions) -> Option<Part<'r>> {
    match block {
        Block::Text { text, extras } => {
            report_extras(extras, path, coercions);
            Some(Part::text(Joined::one(text)))
        }
        Block::Image { source, extras } => {
            report_extras(extras, path, coercions);
            report_detail(extras, path, coercions);
            data(source)
        }
        Block::Document { source, title, context, extras } => {
            report_extras(extras, path, coercions);
            if context.is_some() {
                coercions.add(format!("{path}.context"), Change::Dropped(Reason::NoEquivalent));
            }
            if let Source::Text(text) = source {
                coercions.add(path, Change::Moved("text"));
                return Some(Part::text(titled_text(title.as_deref(), text)));
            }
            if title.is_some() {
                coercions.add(format!("{path}.title"), Change::Dropped(Reason::NoEquivalent));
            }
            data(source)
        }
        Block::SearchResult { source, title, content, extras } => {
            report_extras(extras, path, coercions);
            Some(Part::text(search_result_text((source, title), content, path, coercions)))
        }
        _ => None,
    }
}

fn data(source: &Source) -> Option<Part<'_>> {
    match source {
        Source::Base64 { media_type, data } => Some(Part {
            inline_data: Some(InlineData { mime_type: media_type, data }),
            ..Part::default()
        }),
        Source::Url(url) => Some(Part {
            file_data: Some(FileData { mime_type: media_type_of(url), file_uri: url }),
            ..Part::default()
        }),
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
