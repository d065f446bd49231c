//! The native path, for callers whose tools have names that their provider does not take: only
//! these names change, in the body that goes out and in the events that come back.

use bytes::Bytes;
use serde_json::Value;

use crate::client::openai::declared_tools::DeclaredTools;
use crate::codec::json::{Edit, Members};
use crate::disclosure::coercion::{Change, Coercions};
use crate::request::Request;
use crate::request::content::Block;
use crate::tool_names::{NameRule, ToolNames};

/// A body of Anthropic's dialect under names that the provider takes; `None` if it takes them all.
pub(crate) fn messages_body(
    body: &[u8],
    rule: NameRule,
    request: &Request,
    coercions: &mut Coercions,
) -> Option<(Vec<u8>, ToolNames)> {
    let called =
        request.turns.iter().flat_map(|turn| &turn.blocks).filter_map(|block| match block {
            Block::ToolUse { name, .. } => Some(&**name),
            _ => None,
        });
    if request.tool_names().chain(called).all(|name| rule.takes(name)) {
        return None;
    }
    let mut names = ToolNames::of(rule, request.tool_names());
    let edited =
        edited(body, &["tools", "tool_choice", "messages"], |member, said| match member {
            "tools" => rename_tools(said, &mut names, coercions),
            "tool_choice" => rename(said, &mut names),
            _ => rename_calls(said, &mut names),
        })?;
    Some((edited, names))
}

/// The body with some of its members edited.
fn edited(body: &[u8], names: &[&str], mut edit: impl FnMut(&str, &mut Value)) -> Option<Vec<u8>> {
    let members = Members::parse(body).ok()?;
    let mut changed = Vec::new();
    for (name, said) in members.0.iter().filter(|(name, _)| names.contains(&&**name)) {
        let mut said = serde_json::from_str::<Value>(said.get()).ok()?;
        edit(name, &mut said);
        changed.push((&**name, said.to_string()));
    }
    Some(members.write(
        |member| match changed.iter().find(|(name, _)| *name == member) {
            Some((_, said)) => Edit::Replace(said.clone()),
            None => Edit::Keep,
        },
        &[],
    ))
}

/// The same of the Responses dialect, whose tools have namespaces too.
pub(crate) fn responses_body(
    body: &[u8],
    rule: NameRule,
    declared: &DeclaredTools,
    coercions: &mut Coercions,
) -> Option<(Vec<u8>, ToolNames)> {
    let named = declared.iter().filter(|tool| tool.kind.own_name().is_none());
    let all: Vec<&str> =
        named.flat_map(|tool| [Some(&*tool.name), tool.namespace.as_deref()]).flatten().collect();
    if all.iter().all(|name| rule.takes(name)) {
        return None;
    }
    let mut names = ToolNames::of(rule, all.into_iter());
    let edited = edited(body, &["tools", "tool_choice", "input"], |member, said| match member {
        "tools" => rename_list(said, "tools", &mut names, coercions),
        "tool_choice" => {
            rename(said, &mut names);
            let allowed = said.get_mut("tools").and_then(Value::as_array_mut);
            allowed.into_iter().flatten().for_each(|tool| rename(tool, &mut names));
        }
        _ => {
            for (index, item) in said.as_array_mut().into_iter().flatten().enumerate() {
                if is_named(item) {
                    rename(item, &mut names);
                }
                if let Some(found) = item.get_mut("tools") {
                    rename_list(found, &format!("input.{index}.tools"), &mut names, coercions);
                }
            }
        }
    })?;
    Some((edited, names))
}

/// Tools, and those inside of namespaces.
fn rename_list(tools: &mut Value, path: &str, names: &mut ToolNames, coercions: &mut Coercions) {
    for (index, tool) in tools.as_array_mut().into_iter().flatten().enumerate() {
        if !is_named(tool) {
            continue;
        }
        rename_tool(tool, &format!("{path}.{index}"), names, coercions);
        if let Some(inner) = tool.get_mut("tools") {
            rename_list(inner, &format!("{path}.{index}.tools"), names, coercions);
        }
    }
}

/// Tools and calls whose names are the caller's.
fn is_named(value: &Value) -> bool {
    const NAMED: [&str; 5] =
        ["function", "custom", "namespace", "function_call", "custom_tool_call"];
    value["type"].as_str().is_some_and(|kind| NAMED.contains(&kind))
}

/// An event of the Responses dialect under the names that the caller knows.
pub(crate) fn restored(data: &Bytes, names: &ToolNames) -> Bytes {
    if names.is_empty() {
        return data.clone();
    }
    let Ok(mut event) = serde_json::from_slice::<Value>(data) else { return data.clone() };
    // the last event of a call's arguments says whose they are
    restore(&mut event, names);
    restore_inside(&mut event, names);
    Bytes::from(event.to_string())
}

fn restore_inside(value: &mut Value, names: &ToolNames) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| restore_inside(one, names)),
        Value::Object(_) => {
            if is_named(value) {
                restore(value, names);
            }
            let members = value.as_object_mut().into_iter().flatten();
            members
                .filter(|(name, _)| *name != "parameters")
                .for_each(|(_, inner)| restore_inside(inner, names));
        }
        _ => {}
    }
}

fn restore(named: &mut Value, names: &ToolNames) {
    for member in ["name", "namespace"] {
        if let Some(name) = named.get_mut(member)
            && let Some(sent) = name.as_str()
        {
            *name = Value::from(&*names.restored(sent.into()));
        }
    }
}

fn rename_tools(tools: &mut Value, names: &mut ToolNames, coercions: &mut Coercions) {
    for (index, tool) in tools.as_array_mut().into_iter().flatten().enumerate() {
        rename_tool(tool, &format!("tools.{index}"), names, coercions);
    }
}

/// One tool that stands at `path`; a name that changes is told to the caller.
fn rename_tool(tool: &mut Value, path: &str, names: &mut ToolNames, coercions: &mut Coercions) {
    let before = tool["name"].clone();
    rename(tool, names);
    if tool["name"] != before {
        let sent = tool["name"].as_str().unwrap_or_default().to_owned();
        coercions.add(format!("{path}.name"), Change::Renamed(sent));
    }
}

fn rename_calls(messages: &mut Value, names: &mut ToolNames) {
    let messages = messages.as_array_mut().into_iter().flatten();
    let blocks = messages.filter_map(|message| message.get_mut("content")?.as_array_mut());
    for block in blocks.flatten().filter(|block| block["type"] == "tool_use") {
        rename(block, names);
    }
}

fn rename(named: &mut Value, names: &mut ToolNames) {
    for member in ["name", "namespace"] {
        if let Some(name) = named.get_mut(member)
            && let Some(callers) = name.as_str()
        {
            *name = Value::from(names.sent(callers));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_not_taken_change() {
        let body = Bytes::from_static(
            br#"{"model":"m","max_tokens":5, "x": 1.0,"tools":[{"name":"fs.read","input_schema":{}},{"name":"ok","input_schema":{}}],"tool_choice":{"type":"tool","name":"fs.read"},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"fs.read","input":{"name":"fs.read"}}]}]}"#,
        );
        let (request, _) = Request::parse(&body).unwrap();
        let mut coercions = Coercions::default();
        let (sent, names) =
            messages_body(&body, NameRule::word(128), &request, &mut coercions).unwrap();
        let value: Value = serde_json::from_slice(&sent).unwrap();
        let name = value["tools"][0]["name"].as_str().unwrap();
        assert!(NameRule::word(128).takes(name), "{name}");
        assert_eq!(value["tools"][1]["name"], "ok");
        assert_eq!(value["tool_choice"]["name"], name);
        let call = &value["messages"][0]["content"][0];
        assert_eq!(
            (&call["name"], &call["input"]["name"]),
            (&Value::from(name), &"fs.read".into())
        );
        assert!(String::from_utf8_lossy(&sent).contains(r#""x":1.0"#));
        assert_eq!(coercions.texts(), [format!("tools.0.name=renamed:{name}")]);
        assert_eq!(names.restored(name.into()), "fs.read");
        assert!(
            messages_body(
                &body,
                NameRule { also: ".", ..NameRule::word(128) },
                &request,
                &mut coercions
            )
            .is_none()
        );
    }
}
