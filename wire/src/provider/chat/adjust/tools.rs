//! Tools, and what is said of choosing among them.

use serde_json::{Map, Value, json};

use ainfera_schema::{Reasoning, Taken};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::model_table::{AnswerSchema, ForcedTools};
use crate::provider::chat::adjust::is_told_not_to_think;
use crate::provider::chat::profile::{EmptyParameters, NoTool, ParallelSwitch};
use crate::provider::chat::schema::sanitise;
use crate::provider::chat::target::Target;
use crate::provider::instructions::must_call;
use crate::provider::strict_schema::can_be_strict;
use crate::tool_names::ToolNames;
use crate::tool_schema::make_plain_object;

pub(super) fn adjust(
    chat: &mut Map<String, Value>,
    target: &Target<'_>,
    coercions: &mut Coercions,
) -> ToolNames {
    let mut names = names_of(chat, target);
    let has_tools =
        chat.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    if !has_tools {
        // an empty list, or a choice among nothing, is refused by most
        for member in ["tools", "tool_choice", "parallel_tool_calls"] {
            if chat.shift_remove(member).is_some_and(|value| !value.is_null()) {
                coercions.add(member, Change::Dropped(Reason::Empty));
            }
        }
        rename_in_history(chat, &mut names);
        return names;
    }
    choose(chat, target, coercions);
    for (index, tool) in
        chat.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten().enumerate()
    {
        let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) else {
            continue;
        };
        let path = format!("tools.{index}.function");
        let has_properties = |schema: &Value| {
            schema.get("properties").and_then(Value::as_object).is_some_and(|all| !all.is_empty())
        };
        let is_empty = function
            .get("parameters")
            .is_some_and(|schema| !has_properties(schema) && schema.get("$ref").is_none());
        if is_empty && target.profile.empty_parameters == EmptyParameters::LeftOut {
            function.shift_remove("parameters");
            coercions.add(format!("{path}.parameters"), Change::Dropped(Reason::Empty));
        }
        if let Some(schema) = function.get_mut("parameters") {
            if target.abilities.row.combined_tool_schemas == Taken::No {
                make_plain_object(schema, &format!("{path}.parameters"), coercions);
            }
            sanitise(schema, target.profile.schema_rules, &format!("{path}.parameters"), coercions);
        }
        loosen(function, target, &path, coercions);
        if let Some(sent) = renamed(function, &mut names) {
            coercions.add(format!("{path}.name"), Change::Renamed(sent));
        }
    }
    if let Some(function) =
        chat.get_mut("tool_choice").and_then(|choice| choice.get_mut("function")?.as_object_mut())
    {
        renamed(function, &mut names);
    }
    rename_in_history(chat, &mut names);
    names
}

/// The names of the tools that are offered, as the vendor takes them.
fn names_of(chat: &Map<String, Value>, target: &Target<'_>) -> ToolNames {
    let tools = chat.get("tools").and_then(Value::as_array).into_iter().flatten();
    let offered = tools.filter_map(|tool| tool.get("function")?.get("name")?.as_str());
    ToolNames::of(target.profile.tool_names, offered)
}

/// A strict tool whose schema cannot be strict is refused by OpenAI's models.
fn loosen(
    function: &mut Map<String, Value>,
    target: &Target<'_>,
    path: &str,
    coercions: &mut Coercions,
) {
    let is_refused = target.abilities.row.answer_schema == AnswerSchema::StrictOrLoose
        && function.get("strict").is_some_and(|strict| strict == true)
        && function.get("parameters").is_some_and(|schema| !can_be_strict(schema));
    if is_refused {
        function.insert("strict".to_owned(), json!(false));
        coercions.add(format!("{path}.strict"), Change::Clamped("false".to_owned()));
    }
}

fn choose(chat: &mut Map<String, Value>, target: &Target<'_>, coercions: &mut Coercions) {
    let profile = target.profile;
    if profile.parallel_switch == ParallelSwitch::Refused
        && chat.shift_remove("parallel_tool_calls").is_some()
    {
        coercions.add("parallel_tool_calls", Change::Dropped(Reason::Vendor));
    }
    if profile.vendor != "openai" {
        only_allowed(chat, coercions);
    }
    let cannot_force = profile.any_tool == "auto";
    let choice = chat.get("tool_choice").and_then(Value::as_str).map(str::to_owned);
    match choice.as_deref() {
        Some("none") if profile.no_tool == NoTool::LeaveToolsOut => {
            for member in ["tools", "tool_choice", "parallel_tool_calls"] {
                if chat.shift_remove(member).is_some() {
                    coercions.add(member, Change::Dropped(Reason::Vendor));
                }
            }
        }
        Some("required" | "any")
            if !cannot_force && choice.as_deref() != Some(profile.any_tool) =>
        {
            chat.insert("tool_choice".to_owned(), json!(profile.any_tool));
        }
        _ => {}
    }
    let is_refused = match target.abilities.forced_tools() {
        ForcedTools::Taken => false,
        ForcedTools::Refused => true,
        ForcedTools::NotWhileThinking => {
            target.abilities.reasoning == Reasoning::Always && !is_told_not_to_think(chat)
        }
    };
    if is_refused || cannot_force {
        unforce(chat, coercions);
    }
}

/// A demand becomes an instruction, the last of them.
fn unforce(chat: &mut Map<String, Value>, coercions: &mut Coercions) {
    let Some(choice) = chat.get("tool_choice") else { return };
    let named = choice.get("function").and_then(|function| function["name"].as_str());
    let instruction = match (choice.as_str(), named) {
        (Some("required" | "any"), _) => must_call(None),
        (None, Some(name)) => must_call(Some(name)),
        _ => return,
    };
    chat.insert("tool_choice".to_owned(), json!("auto"));
    coercions.add("tool_choice", Change::Moved("an instruction"));
    if let Some(messages) = chat.get_mut("messages").and_then(Value::as_array_mut) {
        super::say_first(messages, &instruction);
    }
}

/// `allowed_tools` is OpenAI's own: elsewhere the tools that are not allowed are left out, which
/// says the same.
fn only_allowed(chat: &mut Map<String, Value>, coercions: &mut Coercions) {
    let Some(allowed) =
        chat.get("tool_choice").and_then(|choice| choice.get("allowed_tools")).cloned()
    else {
        return;
    };
    let name_of =
        |tool: &Value| tool.get("function").and_then(|function| function.get("name")).cloned();
    let names: Vec<Value> = allowed
        .get("tools")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(name_of)
        .collect();
    if let Some(tools) = chat.get_mut("tools").and_then(Value::as_array_mut) {
        tools.retain(|tool| name_of(tool).is_some_and(|name| names.contains(&name)));
    }
    let mode = allowed.get("mode").cloned().unwrap_or_else(|| json!("auto"));
    chat.insert("tool_choice".to_owned(), mode);
    coercions.add("tool_choice.allowed_tools", Change::Moved("tools"));
}

fn rename_in_history(chat: &mut Map<String, Value>, names: &mut ToolNames) {
    for message in chat.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        for call in
            message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if let Some(function) = call.get_mut("function").and_then(Value::as_object_mut) {
                renamed(function, names);
            }
        }
    }
}

/// The name that the vendor hears, where it is another one.
fn renamed(function: &mut Map<String, Value>, names: &mut ToolNames) -> Option<String> {
    let name = function.get("name")?.as_str()?;
    let sent = names.sent(name);
    if sent == name {
        return None;
    }
    function.insert("name".to_owned(), json!(sent));
    Some(sent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_table::ModelAbilities;
    use crate::provider::chat::profile::profile_of;
    use ainfera_schema::ProviderKind;

    fn adjusted(kind: ProviderKind, chat: Value) -> (Map<String, Value>, Vec<String>, ToolNames) {
        let Value::Object(mut chat) = chat else { panic!("no object") };
        let target = Target {
            profile: profile_of(kind).unwrap(),
            upstream_name: "m",
            maker: "maker",
            abilities: ModelAbilities::named(kind, "m", None),
        };
        let mut coercions = Coercions::default();
        let names = adjust(&mut chat, &target, &mut coercions);
        (chat, coercions.texts(), names)
    }

    fn tool(name: &str) -> Value {
        json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
    }

    #[test]
    fn p019_allowed_tools_are_all_that_others_hear_of() {
        let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("b")]}});
        let chat = json!({"tools": [tool("a"), tool("b")], "tool_choice": choice});
        let (sent, coercions, _) = adjusted(ProviderKind::Mistral, chat.clone());
        assert_eq!((&sent["tools"], &sent["tool_choice"]), (&json!([tool("b")]), &json!("any")));
        assert_eq!(coercions, ["tool_choice.allowed_tools=moved:tools"]);
        let (sent, coercions, _) = adjusted(ProviderKind::Openai, chat.clone());
        assert_eq!((Value::Object(sent), coercions), (chat, Vec::new()), "OpenAI's own");
    }

    #[test]
    fn p013_a_name_is_the_same_in_tools_choice_and_history() {
        let long = "n".repeat(70);
        let chat = json!({"tools": [tool(&long)], "tool_choice": {"type": "function", "function": {"name": long}},
            "messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": long, "arguments": "{}"}}]}]});
        let (sent, coercions, names) = adjusted(ProviderKind::Openai, chat);
        let sent_name = sent["tools"][0]["function"]["name"].as_str().unwrap();
        assert_eq!(sent_name.len(), 64);
        assert_eq!(
            (
                &sent["tool_choice"]["function"]["name"],
                &sent["messages"][0]["tool_calls"][0]["function"]["name"]
            ),
            (&json!(sent_name), &json!(sent_name))
        );
        assert_eq!(coercions, [format!("tools.0.function.name=renamed:{sent_name}")]);
        assert_eq!(names.restored(sent_name.to_owned().into()), long);
    }

    #[test]
    fn no_tools_are_no_member() {
        let (sent, coercions, _) = adjusted(
            ProviderKind::Mistral,
            json!({"tools": [], "tool_choice": "auto", "parallel_tool_calls": null}),
        );
        assert_eq!(
            (sent.len(), coercions),
            (0, vec!["tools=dropped:empty".to_owned(), "tool_choice=dropped:empty".to_owned()])
        );
    }
}
