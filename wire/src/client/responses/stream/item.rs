//! An item of the answer while it is being said.

use serde_json::{Map, Value, json};

use crate::client::openai::declared_tools::{DeclaredTool, ToolKind};
use crate::client::responses::client_run::{item_members, item_type};
use crate::signature::{ANTHROPIC_MARK, Issuer, read};

#[derive(Debug)]
pub(super) struct OpenItem {
    pub kind: ItemKind,
    pub id: String,
    /// What was said of it so far: text, summary, arguments.
    pub said: String,
    pub signature: Option<String>,
}

#[derive(Debug)]
pub(super) enum ItemKind {
    Message,
    Reasoning,
    Call(Call),
}

/// A call of a tool that the client declared.
#[derive(Debug)]
pub(super) struct Call {
    pub call_id: String,
    pub tool: DeclaredTool,
    /// What says it, of a tool that is known by its type: known when the arguments are complete.
    pub members: Map<String, Value>,
}

/// When a client hears of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// Piece by piece.
    AsItComes,
    /// Its arguments become something else once they are complete.
    WhenComplete,
}

impl ItemKind {
    pub(super) fn call(call_id: &str, tool: DeclaredTool) -> Self {
        ItemKind::Call(Call { call_id: call_id.to_owned(), tool, members: Map::new() })
    }

    /// What the id of such an item begins with.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            ItemKind::Message => "msg",
            ItemKind::Reasoning => "rs",
            ItemKind::Call(call) => item_type(call.tool.kind).1,
        }
    }

    pub(super) fn shown(&self) -> Shown {
        match self {
            ItemKind::Call(call) if !is_named(call.tool.kind) => Shown::WhenComplete,
            ItemKind::Message | ItemKind::Reasoning | ItemKind::Call(_) => Shown::AsItComes,
        }
    }
}

fn is_named(kind: ToolKind) -> bool {
    matches!(kind, ToolKind::Function | ToolKind::Custom)
}

impl OpenItem {
    /// The arguments are complete: they become what the client's own kind of item says. Arguments
    /// that are not what was asked for make a call of a function, which the client can refuse.
    pub(super) fn complete(&mut self) {
        let ItemKind::Call(call) = &mut self.kind else { return };
        match item_members(call.tool.kind, &self.said) {
            Some(members) => call.members = members,
            None => {
                let number = self.id.split_once('_').map(|(_, rest)| rest).unwrap_or_default();
                self.id = format!("fc_{number}");
                call.tool.kind = ToolKind::Function;
            }
        }
    }

    /// The item as it is now.
    pub(super) fn item(&self, status: &str) -> Value {
        let (id, said) = (&self.id, &self.said);
        match &self.kind {
            ItemKind::Message => {
                let part =
                    json!({"type": "output_text", "text": said, "annotations": [], "logprobs": []});
                let content = if status == "in_progress" { json!([]) } else { json!([part]) };
                json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
            }
            ItemKind::Reasoning => {
                let summary = if said.is_empty() {
                    json!([])
                } else {
                    json!([{"type": "summary_text", "text": said}])
                };
                let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
                // it is a text or it is not there
                if let Some(signature) = &self.signature {
                    item["encrypted_content"] = json!(signature);
                }
                item
            }
            ItemKind::Call(call) => call.item(id, status, said),
        }
    }
}

impl Call {
    fn item(&self, id: &str, status: &str, said: &str) -> Value {
        let (kind, _) = item_type(self.tool.kind);
        let mut item = json!({"id": id, "type": kind, "status": status, "call_id": self.call_id});
        match self.tool.kind {
            ToolKind::Function | ToolKind::Custom => {
                item["name"] = json!(&*self.tool.name);
                let member = if self.tool.kind == ToolKind::Custom { "input" } else { "arguments" };
                item[member] = json!(said);
                if let Some(namespace) = &self.tool.namespace {
                    item["namespace"] = json!(&**namespace);
                }
            }
            _ => {
                for (name, value) in &self.members {
                    item[name] = value.clone();
                }
            }
        }
        item
    }
}

/// The text inside the arguments; arguments that are not what was asked for are given as they came.
pub(super) fn custom_input(arguments: &str) -> String {
    let parsed = serde_json::from_str::<Value>(arguments).ok();
    parsed
        .and_then(|arguments| Some(arguments.get("input")?.as_str()?.to_owned()))
        .unwrap_or_else(|| arguments.to_owned())
}

/// A signature as this dialect's clients keep it: unmarked ones are OpenAI's here.
pub(super) fn encrypted(signature: &str) -> String {
    match read(signature) {
        (Issuer::Responses, theirs) => theirs.to_owned(),
        (Issuer::Anthropic, theirs) => format!("{ANTHROPIC_MARK}{theirs}"),
        (Issuer::Gemini | Issuer::Deepseek | Issuer::Xai | Issuer::Together | Issuer::Chat, _) => {
            signature.to_owned()
        }
    }
}
