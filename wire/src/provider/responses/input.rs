//! The turns of a request as input items. Order survives: what the dialect of chat messages has to
//! take apart stands here in one list.

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::provider::lossy::{joined_text, report_extras, search_result_text, titled_text};
use crate::provider::responses::item::{Item, Output, Part, SummaryText};
use crate::provider::tool_call_ids::{CallIdRule, ToolCallIds};
use crate::provider::written::{Arguments, FileUrl, Joined};
use crate::request::content::{Block, Source, ToolOutcome};
use crate::request::{Request, Role, Turn};
use crate::signature::{self, Issuer};
use crate::tool_names::{NameRule, ToolNames};

/// Which tool names are taken. Source: OpenAI API reference, function tools, read on 2026-12-01.
pub(crate) const TOOL_NAMES: NameRule = NameRule::word(64);

/// Which ids of calls are taken. Source: OpenAI API reference, function call items, and its refusal
/// ("string too long. Expected a string with maximum length 64"), read on 2026-12-01.
const CALL_IDS: CallIdRule = CallIdRule::AtMost(64);

/// Every turn, one item after the other.
pub(crate) fn items<'r>(
    request: &'r Request,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Vec<Item<'r>> {
    let mut items = Vec::with_capacity(request.turns.len() + 1);
    let mut ids = ToolCallIds::new(CALL_IDS);
    for (index, turn) in request.turns.iter().enumerate() {
        let path = format!("messages.{index}.content");
        match turn.role {
            Role::System => {
                let text = joined_text(&turn.blocks, &path, coercions);
                items.push(Item::Message {
                    role: "developer",
                    content: vec![Part::InputText { text }],
                });
            }
            Role::Assistant => {
                assistant(turn, &path, (tool_names, &mut ids), coercions, &mut items);
            }
            Role::User => user(turn, &path, &mut ids, coercions, &mut items),
        }
    }
    if ids.changed() {
        let renamed = Change::Renamed("ids of this vendor's form".to_owned());
        coercions.add("messages.*.tool_use.id", renamed);
    }
    items
}

fn assistant<'r>(
    turn: &'r Turn,
    path: &str,
    (tool_names, ids): (&mut ToolNames, &mut ToolCallIds),
    coercions: &mut Coercions,
    items: &mut Vec<Item<'r>>,
) {
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::Text { text, extras } => {
                report_extras(extras, &path, coercions);
                if text.is_empty() {
                    coercions.add(path, Change::Dropped(Reason::Empty));
                } else {
                    say(items, "assistant", Part::OutputText { text });
                }
            }
            Block::ToolUse { id, name, input, extras } => {
                report_extras(extras, &path, coercions);
                items.push(Item::FunctionCall {
                    call_id: ids.called(id),
                    name: tool_names.sent(name),
                    arguments: Arguments(input),
                });
            }
            Block::Thinking { text, signature } => match signature.as_deref().and_then(encrypted) {
                Some(encrypted) => items.push(reasoning(text, encrypted)),
                None => coercions.add(path, Change::Dropped(Reason::Issuer)),
            },
            Block::RedactedThinking => coercions.add(path, Change::Dropped(Reason::Issuer)),
            _ => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
        }
    }
}

/// The encrypted content of a reasoning item that this dialect made.
fn encrypted(signature: &str) -> Option<&str> {
    match signature::read(signature) {
        (Issuer::Responses, encrypted) => Some(encrypted),
        (
            Issuer::Anthropic
            | Issuer::Gemini
            | Issuer::Deepseek
            | Issuer::Xai
            | Issuer::Together
            | Issuer::Chat,
            _,
        ) => None,
    }
}

/// Without its id: where nothing is stored it stands for nothing.
fn reasoning<'r>(text: &'r str, encrypted: &'r str) -> Item<'r> {
    let summary =
        if text.is_empty() { Vec::new() } else { vec![SummaryText::SummaryText { text }] };
    Item::Reasoning { summary, encrypted_content: encrypted }
}

fn user<'r>(
    turn: &'r Turn,
    path: &str,
    ids: &mut ToolCallIds,
    coercions: &mut Coercions,
    items: &mut Vec<Item<'r>>,
) {
    for (index, block) in turn.blocks.iter().enumerate() {
        let path = format!("{path}.{index}");
        match block {
            Block::ToolResult { tool_use_id, content, outcome, extras } => {
                report_extras(extras, &path, coercions);
                let output = output(content, *outcome, &path, coercions);
                items.push(Item::FunctionCallOutput { call_id: ids.sent(tool_use_id), output });
            }
            Block::Text { text, .. } if text.is_empty() => {
                coercions.add(path, Change::Dropped(Reason::Empty))
            }
            block => match part(block, &path, coercions) {
                Some(part) => say(items, "user", part),
                None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
            },
        }
    }
}

/// Adds to the message that is being said, or begins one.
fn say<'r>(items: &mut Vec<Item<'r>>, role: &'static str, part: Part<'r>) {
    match items.last_mut() {
        Some(Item::Message { role: speaker, content }) if *speaker == role => content.push(part),
        _ => items.push(Item::Message { role, content: vec![part] }),
    }
}

/// What a tool returned: text where it is nothing else, for that is what everybody who copied the
/// dialect takes.
fn output<'r>(
    content: &'r [Block],
    outcome: ToolOutcome,
    path: &str,
    coercions: &mut Coercions,
) -> Output<'r> {
    let mut parts = Vec::with_capacity(content.len());
    for (inner, block) in content.iter().enumerate() {
        let path = format!("{path}.content.{inner}");
        match part(block, &path, coercions) {
            Some(part) => parts.push(part),
            None => coercions.add(path, Change::Dropped(Reason::NoEquivalent)),
        }
    }
    let failed = outcome == ToolOutcome::Failed;
    if failed {
        coercions.add(format!("{path}.is_error"), Change::Moved("text"));
    }
    if parts.iter().all(|part| matches!(part, Part::InputText { .. })) {
        let texts = parts.into_iter().filter_map(Part::into_text).collect();
        let before = if failed { "Error: " } else { "" };
        return Output::Text(Joined { before, ..Joined::of(texts, "\n") });
    }
    if failed {
        parts.insert(0, Part::InputText { text: Joined::one("Error:") });
    }
    Output::Parts(parts)
}

fn part<'r>(block: &'r Block, path: &str, coercions: &mut Coercions) -> Option<Part<'r>> {
    match block {
        Block::Text { text, extras } => {
            report_extras(extras, path, coercions);
            Some(Part::InputText { text: Joined::one(text) })
        }
        Block::Image { source, extras } => {
            report_extras(extras, path, coercions);
            let image_url = match source {
                Source::Base64 { media_type, data } => FileUrl::Data { media_type, data },
                Source::Url(url) => FileUrl::Url(url),
                Source::Text(_) | Source::AnthropicOnly => return None,
            };
            let detail = extras.detail.as_deref().unwrap_or("auto");
            Some(Part::InputImage { image_url, detail })
        }
        Block::Document { source, title, context, extras } => {
            report_extras(extras, path, coercions);
            if context.is_some() {
                coercions.add(format!("{path}.context"), Change::Dropped(Reason::NoEquivalent));
            }
            match source {
                Source::Text(text) => {
                    coercions.add(path, Change::Moved("text"));
                    Some(Part::InputText { text: titled_text(title.as_deref(), text) })
                }
                Source::Base64 { media_type, data } => Some(Part::InputFile {
                    filename: Some(title.as_deref().unwrap_or("document")),
                    file_data: Some(FileUrl::Data { media_type, data }),
                    file_url: None,
                }),
                Source::Url(url) => {
                    Some(Part::InputFile { filename: None, file_data: None, file_url: Some(url) })
                }
                Source::AnthropicOnly => None,
            }
        }
        Block::SearchResult { source, title, content, extras } => {
            report_extras(extras, path, coercions);
            let text = search_result_text((source, title), content, path, coercions);
            Some(Part::InputText { text })
        }
        _ => None,
    }
}
