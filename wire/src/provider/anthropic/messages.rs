//! Turns as messages: ids that are legal here, no thoughts of others, and instructions in the
//! middle as the model takes them.

use std::borrow::Cow;

use ainfera_schema::Taken;
use serde::Serialize;

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;
use crate::model_table::ModelAbilities;
use crate::provider::anthropic::block::{SaidBlock, blocks};
use crate::provider::anthropic::foreign_thinking::is_of_another;
use crate::provider::anthropic::form::sent_name;
use crate::provider::lossy::instructions_of_the_user;
use crate::provider::tool_call_ids::{CallIdRule, ToolCallIds};
use crate::request::{Role, Turn};
use crate::tool_names::ToolNames;

/// Ids such as `functions.f:0` are refused here.
const CALL_IDS: CallIdRule = CallIdRule::Word(64);

/// One message.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'r> {
    pub role: &'static str,
    pub content: Vec<SaidBlock<'r>>,
    /// The turn that it was.
    #[serde(skip)]
    pub turn: usize,
}

/// Every turn that says something to this model.
pub(crate) fn messages<'r>(
    turns: &'r [Turn],
    abilities: &ModelAbilities<'_>,
    tool_names: &mut ToolNames,
    coercions: &mut Coercions,
) -> Result<Vec<Message<'r>>, BadRequest> {
    let takes_instructions = abilities.row.instructions_midway == Taken::Yes;
    let mut ids = ToolCallIds::new(CALL_IDS);
    let mut messages = Vec::with_capacity(turns.len());
    for (turn, said) in turns.iter().enumerate() {
        let path = format!("messages.{turn}.content");
        let mut content = blocks(&said.blocks, &path)?;
        let role = match said.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System if takes_instructions && may_be_system(turns, turn) => "system",
            Role::System => {
                coercions.add(format!("messages.{turn}.role"), Change::Moved("user message"));
                content = content.into_iter().map(said_by_the_user).collect();
                "user"
            }
        };
        let before = content.len();
        remove_foreign_thinking(&mut content, &path, coercions);
        if content.is_empty() && before > 0 {
            continue;
        }
        for block in &mut content {
            rename_ids(block, &mut ids);
            if let SaidBlock::ToolUse { name, .. } = block {
                *name = sent_name(std::mem::take(name), tool_names);
            }
        }
        messages.push(Message { role, content, turn });
    }
    if ids.changed() {
        coercions
            .add("messages.*.tool_use.id", Change::Renamed("ids of this vendor's form".to_owned()));
    }
    Ok(messages)
}

/// Instructions follow the user, and nobody but the assistant follows them. Source:
/// platform.claude.com, mid-conversation system messages, read on 2026-11-30.
fn may_be_system(turns: &[Turn], index: usize) -> bool {
    let before = index.checked_sub(1).and_then(|before| turns.get(before));
    before.is_some_and(|turn| turn.role == Role::User)
        && turns.get(index + 1).is_none_or(|turn| turn.role == Role::Assistant)
}

/// Instructions are text; each with their mark.
fn said_by_the_user(block: SaidBlock<'_>) -> SaidBlock<'_> {
    match block {
        SaidBlock::Text { text, cache_control } => {
            SaidBlock::Text { text: instructions_of_the_user(text), cache_control }
        }
        other => other,
    }
}

/// It would be refused for its signature.
fn remove_foreign_thinking(
    content: &mut Vec<SaidBlock<'_>>,
    path: &str,
    coercions: &mut Coercions,
) {
    let mut at = 0;
    content.retain(|block| {
        let is_foreign = matches!(
            block,
            SaidBlock::Thinking { signature, .. } if is_of_another(signature.unwrap_or_default())
        );
        if is_foreign {
            coercions.add(format!("{path}.{at}"), Change::Dropped(Reason::Issuer));
        }
        at += 1;
        !is_foreign
    });
}

fn rename_ids(block: &mut SaidBlock<'_>, ids: &mut ToolCallIds) {
    let (id, sent) = match block {
        SaidBlock::ToolUse { id, .. } => {
            let sent = ids.called(id);
            (id, sent)
        }
        SaidBlock::ToolResult { tool_use_id, .. } => {
            let sent = ids.sent(tool_use_id);
            (tool_use_id, sent)
        }
        _ => return,
    };
    if sent != **id {
        *id = Cow::Owned(sent);
    }
}
