//! Items of tools that the client runs and that are known by their type: its calls, and what they
//! returned, become those of the functions that stand for the tools.

use bytestring::ByteString;
use serde_json::Value;

use crate::client::openai::declared_tools::ToolKind;
use crate::client::openai::turns::PlacedBlock;
use crate::client::responses::client_run::input_of;
use crate::client::responses::request::content::{KEPT_FILE, image};
use crate::client::responses::request::items::Items;
use crate::client::responses::request::tools::Repeated;
use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::Reason;
use crate::error::bad_request::BadRequest;
use crate::request::Role;
use crate::request::content::{Block, ToolOutcome};

/// Whether an item was one of a tool that the client runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    Whole,
    NotOfTheClient,
}

impl Items<'_> {
    /// Reads an item, if it is one of these.
    pub(super) fn of_client(
        &mut self,
        kind: &str,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<Read, BadRequest> {
        let is_clients = item.get("execution").is_some_and(|by| by == "client");
        let is_local =
            item.get("environment").is_none_or(|environment| environment["type"] == "local");
        let tool = match kind {
            "local_shell_call" => ToolKind::LocalShell,
            "shell_call" if is_local => ToolKind::Shell,
            "apply_patch_call" => ToolKind::ApplyPatch,
            "computer_call" if item.get("actions").is_some() => ToolKind::Computer,
            "computer_call" => ToolKind::ComputerPreview,
            "tool_search_call" if is_clients => ToolKind::ToolSearch,
            "local_shell_call_output"
            | "shell_call_output"
            | "apply_patch_call_output"
            | "computer_call_output" => {
                self.returned(kind, item, translation)?;
                return Ok(Read::Whole);
            }
            "tool_search_output" if is_clients => {
                self.returned(kind, item, translation)?;
                return Ok(Read::Whole);
            }
            _ => return Ok(Read::NotOfTheClient),
        };
        let id = call_id(item)?;
        let member = match tool {
            ToolKind::ApplyPatch => "operation",
            ToolKind::Computer => "actions",
            ToolKind::ToolSearch => "arguments",
            _ => "action",
        };
        let flat = self.declared.called(tool, tool.own_name().unwrap_or_default(), None);
        // the function may be one that takes several actions, or one that takes one
        let declared = self.declared.of_flat(&flat).map_or(tool, |declared| declared.kind);
        let declared = if declared == ToolKind::Computer { declared } else { tool };
        let input = input_of(declared, &mut |name| item.take(name))
            .ok_or_else(|| item.mistake(member, "must say what was called"))?;
        forget_marks(item, translation);
        let from = item.path.to_string();
        let input = RawJson::Value(Value::Object(input));
        let block = PlacedBlock::call(id.clone(), flat, input, from.clone());
        self.called.push(id);
        self.turns.go_on(Role::Assistant, &from, vec![block.with("input", item.at(member))]);
        Ok(Read::Whole)
    }

    /// What such a tool returned.
    fn returned(
        &mut self,
        kind: &str,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<(), BadRequest> {
        let status = item.get("status").and_then(Value::as_str).map(str::to_owned);
        let id = call_id(item)?;
        if !self.called.contains(&id) {
            return Err(item.mistake("call_id", format!("no call `{id}` before it")));
        }
        let at = item.at("output");
        let mut outcome = ToolOutcome::Ok;
        let content = match kind {
            "computer_call_output" => screenshot(item, translation)?,
            "tool_search_output" => {
                let text = self.found(item, translation)?;
                Some(PlacedBlock::text(text, item.at("tools")))
            }
            "shell_call_output" => {
                let text = shell_output(item.required("output")?);
                Some(PlacedBlock::text(text, at))
            }
            _ => {
                if status.as_deref() == Some("failed") {
                    outcome = ToolOutcome::Failed;
                }
                let said = item.optional_text("output")?.filter(|said| !said.is_empty());
                let said = said.or(status.map(ByteString::from));
                said.map(|said| PlacedBlock::text(said, at))
            }
        };
        forget_marks(item, translation);
        let content = content.into_iter().collect();
        let mut result = PlacedBlock::result(id, content, item.path.to_string());
        if let Block::ToolResult { outcome: place, .. } = &mut result.block {
            *place = outcome;
        }
        self.turns.add_result(result, translation);
        Ok(())
    }

    /// Tools that a search of the client found are offered from now on.
    fn found(
        &mut self,
        item: &mut Object<'_>,
        translation: &mut RequestTranslation,
    ) -> Result<String, BadRequest> {
        let Some(Value::Array(tools)) = item.take("tools") else {
            return Err(item.mistake("tools", "must be an array"));
        };
        let mut names = Vec::new();
        let list = item.path.member("tools");
        for (index, tool) in tools.into_iter().enumerate() {
            let found = named_in(&tool);
            let tool = Object::read(tool, list.index(index))?;
            self.offered.add(tool, Repeated::LeftOut, self.declared, translation)?;
            for (kind, name, namespace) in found {
                names.push(self.declared.called(kind, &name, namespace.as_deref()).to_string());
            }
        }
        Ok(if names.is_empty() {
            "No tools were found.".to_owned()
        } else {
            format!("These tools were found and can be called now: {}", names.join(", "))
        })
    }
}

/// The named tools in an entry of a list of tools.
fn named_in(tool: &Value) -> Vec<(ToolKind, String, Option<String>)> {
    let named = |tool: &Value, namespace: Option<&str>| {
        let kind = match tool["type"].as_str()? {
            "function" => ToolKind::Function,
            "custom" => ToolKind::Custom,
            _ => return None,
        };
        Some((kind, tool["name"].as_str()?.to_owned(), namespace.map(str::to_owned)))
    };
    if tool["type"] == "namespace" {
        let inner = tool["tools"].as_array().into_iter().flatten();
        return inner.filter_map(|inner| named(inner, tool["name"].as_str())).collect();
    }
    named(tool, None).into_iter().collect()
}

/// The id by which a call and what it returned are a pair; the local shell's is in `id`.
fn call_id(item: &mut Object<'_>) -> Result<ByteString, BadRequest> {
    let own = item.optional_text("id")?;
    let id = item.optional_text("call_id")?.or(own);
    id.ok_or_else(|| item.mistake("call_id", "field required"))
}

/// An item's state and whereabouts are this dialect's; checks that somebody has to confirm are
/// named.
fn forget_marks(item: &mut Object<'_>, translation: &mut RequestTranslation) {
    for name in ["status", "execution", "environment", "created_by", "max_output_length"] {
        item.take(name);
    }
    for name in ["pending_safety_checks", "acknowledged_safety_checks"] {
        let checks = item.take(name);
        if checks.is_some_and(|checks| checks.as_array().is_none_or(|checks| !checks.is_empty())) {
            translation.drop(item.at(name), Reason::NoEquivalent);
        }
    }
}

fn screenshot(
    item: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Result<Option<PlacedBlock>, BadRequest> {
    let output = item.required("output")?;
    let mut output = Object::read(output, item.path.member("output"))?;
    output.take("type");
    let Some(url) = output.optional_text("image_url")? else {
        translation.only_by_its_keeper(output.at("file_id"), KEPT_FILE);
        return Ok(None);
    };
    let image = image(&mut output, &url)?;
    translation.drop_left(&output, Reason::Unknown);
    Ok(Some(image))
}

/// What the commands of one call wrote, and how each ended.
fn shell_output(output: Value) -> String {
    let Value::Array(all) = output else {
        return match output {
            Value::String(text) => text,
            other => other.to_string(),
        };
    };
    let one = |entry: &Value| {
        let mut text = entry["stdout"].as_str().unwrap_or_default().to_owned();
        let stderr = entry["stderr"].as_str().filter(|stderr| !stderr.is_empty());
        if let Some(stderr) = stderr {
            text.push_str(&format!("\nstderr:\n{stderr}"));
        }
        match (entry["outcome"]["type"].as_str(), entry["outcome"]["exit_code"].as_i64()) {
            (Some("timeout"), _) => text.push_str("\n(timed out)"),
            (_, Some(code)) => text.push_str(&format!("\n(exit code {code})")),
            _ => {}
        }
        text.trim_start_matches('\n').to_owned()
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n\n")
}
