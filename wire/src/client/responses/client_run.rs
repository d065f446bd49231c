//! Tools of the Responses dialect that the client runs and that have no schema of their own, as
//! functions: what the model is told, and the items that their calls are. Source: OpenAI API
//! reference, Responses: local_shell, shell, apply_patch, computer and tool_search, read on
//! 2026-12-01.

use serde_json::{Map, Value, json};

use crate::client::openai::declared_tools::ToolKind;

/// What a model is told of such a tool: its description and the schema of its input. `None` for
/// kinds whose client says both.
pub(crate) fn described(kind: ToolKind) -> Option<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let whole = || json!({"type": "integer"});
    let texts = || json!({"type": "array", "items": {"type": "string"}, "minItems": 1});
    Some(match kind {
        ToolKind::Function | ToolKind::Custom | ToolKind::ToolSearch => return None,
        ToolKind::LocalShell => (
            "Runs one command in a shell on the user's machine and returns its output. `command` is the program and its arguments, one string each, such as [\"bash\", \"-lc\", \"ls\"].",
            schema(
                [
                    ("command", texts()),
                    ("working_directory", text()),
                    ("timeout_ms", whole()),
                    ("env", json!({"type": "object", "additionalProperties": {"type": "string"}})),
                    ("user", text()),
                ],
                &["command"],
            ),
        ),
        ToolKind::Shell => (
            "Runs commands in a shell on the user's machine and returns what each wrote to stdout and stderr and how it ended. Each of `commands` is a whole command line; several may run at the same time.",
            schema(
                [("commands", texts()), ("timeout_ms", whole()), ("max_output_length", whole())],
                &["commands"],
            ),
        ),
        ToolKind::ApplyPatch => (
            "Creates, updates or deletes one file of the user's. `diff` is in the V4A format: for create_file every line of the new file begins with `+`; for update_file sections begin with `@@` and a line of the file that says where they are, then follow lines that begin with a space (context), `-` (removed) or `+` (added). delete_file has no diff.",
            schema(
                [
                    (
                        "type",
                        json!({"type": "string", "enum": ["create_file", "update_file", "delete_file"]}),
                    ),
                    ("path", text()),
                    ("diff", text()),
                ],
                &["type", "path"],
            ),
        ),
        ToolKind::Computer => (
            "Acts on the user's screen with mouse and keyboard, one action after the other, and returns a screenshot.",
            schema(
                [("actions", json!({"type": "array", "items": action(), "minItems": 1}))],
                &["actions"],
            ),
        ),
        ToolKind::ComputerPreview => (
            "Acts on the user's screen with mouse or keyboard and returns a screenshot.",
            schema([("action", action())], &["action"]),
        ),
    })
}

fn schema<const N: usize>(properties: [(&str, Value); N], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// One action of a computer.
fn action() -> Value {
    let number = || json!({"type": "integer"});
    let kinds = json!([
        "click",
        "double_click",
        "drag",
        "keypress",
        "move",
        "screenshot",
        "scroll",
        "type",
        "wait"
    ]);
    let place = schema([("x", number()), ("y", number())], &["x", "y"]);
    schema(
        [
            ("type", json!({"type": "string", "enum": kinds})),
            ("x", number()),
            ("y", number()),
            (
                "button",
                json!({"type": "string", "enum": ["left", "right", "wheel", "back", "forward"]}),
            ),
            ("scroll_x", number()),
            ("scroll_y", number()),
            ("path", json!({"type": "array", "items": place})),
            ("keys", json!({"type": "array", "items": {"type": "string"}})),
            ("text", json!({"type": "string"})),
        ],
        &["type"],
    )
}

/// The members by which an item of this kind says what was called: made of the arguments of the
/// function that stood for it. `None` where they are not what was asked for.
pub(crate) fn item_members(kind: ToolKind, arguments: &str) -> Option<Map<String, Value>> {
    let Value::Object(mut said) = serde_json::from_str(arguments).ok()? else { return None };
    let members = match kind {
        ToolKind::Function | ToolKind::Custom => return None,
        ToolKind::LocalShell => {
            let command = command_line(said.shift_remove("command")?)?;
            let mut action = json!({"type": "exec", "command": command, "env": {}});
            for name in ["env", "timeout_ms", "user", "working_directory"] {
                if let Some(value) = said.shift_remove(name).filter(|value| !value.is_null()) {
                    action[name] = value;
                }
            }
            json!({"action": action})
        }
        ToolKind::Shell => {
            let commands = texts(said.shift_remove("commands")?)?;
            let mut optional = |name: &str| said.shift_remove(name).filter(Value::is_u64);
            let (timeout, longest) = (optional("timeout_ms"), optional("max_output_length"));
            json!({"action": {"commands": commands, "timeout_ms": timeout, "max_output_length": longest}})
        }
        ToolKind::ApplyPatch => {
            // some say it as the item has it
            if let Some(Value::Object(inner)) = said.get("operation") {
                said = inner.clone();
            }
            let kind = said.get("type")?.as_str()?;
            let needed: &[&str] = match kind {
                "create_file" | "update_file" => &["type", "path", "diff"],
                "delete_file" => &["type", "path"],
                _ => return None,
            };
            let operation: Option<Map<String, Value>> = needed
                .iter()
                .map(|name| {
                    Some((
                        (*name).to_owned(),
                        said.get(*name).filter(|value| value.is_string())?.clone(),
                    ))
                })
                .collect();
            json!({"operation": operation?})
        }
        ToolKind::Computer => {
            let actions =
                said.shift_remove("actions").or_else(|| Some(json!([said.get("action")?])))?;
            let all = actions.as_array()?;
            if all.is_empty() || !all.iter().all(|action| action["type"].is_string()) {
                return None;
            }
            json!({"actions": actions, "pending_safety_checks": []})
        }
        ToolKind::ComputerPreview => {
            let action = said.shift_remove("action")?;
            action["type"].as_str()?;
            json!({"action": action, "pending_safety_checks": []})
        }
        ToolKind::ToolSearch => json!({"execution": "client", "arguments": said}),
    };
    match members {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// The type of such an item, and what its id begins with.
pub(crate) fn item_type(kind: ToolKind) -> (&'static str, &'static str) {
    match kind {
        ToolKind::Function => ("function_call", "fc"),
        ToolKind::Custom => ("custom_tool_call", "ctc"),
        ToolKind::LocalShell => ("local_shell_call", "lsh"),
        ToolKind::Shell => ("shell_call", "sh"),
        ToolKind::ApplyPatch => ("apply_patch_call", "apc"),
        ToolKind::Computer | ToolKind::ComputerPreview => ("computer_call", "cu"),
        ToolKind::ToolSearch => ("tool_search_call", "tsc"),
    }
}

/// Program and arguments; a line of text is one for a shell.
fn command_line(command: Value) -> Option<Value> {
    match command {
        Value::String(line) => Some(json!(["bash", "-lc", line])),
        list => texts(list),
    }
}

/// Texts; a single one is a list of one.
fn texts(list: Value) -> Option<Value> {
    match &list {
        Value::String(_) => Some(json!([list])),
        Value::Array(all) if !all.is_empty() && all.iter().all(Value::is_string) => Some(list),
        _ => None,
    }
}

/// The input of the function that stands for such an item, from the members of the item, which
/// `take` takes out of it.
pub(crate) fn input_of(
    kind: ToolKind,
    take: &mut dyn FnMut(&str) -> Option<Value>,
) -> Option<Map<String, Value>> {
    let mut object = |name: &str| match take(name)? {
        Value::Object(members) => Some(members),
        _ => None,
    };
    let mut input = match kind {
        ToolKind::Function | ToolKind::Custom => return None,
        ToolKind::LocalShell => {
            let mut action = object("action")?;
            action.shift_remove("type");
            if action.get("env").is_some_and(|env| *env == json!({})) {
                action.shift_remove("env");
            }
            action
        }
        ToolKind::Shell => object("action")?,
        ToolKind::ApplyPatch => object("operation")?,
        ToolKind::Computer | ToolKind::ComputerPreview => {
            let (action, actions) = (take("action"), take("actions"));
            let said = match (kind, action, actions) {
                (ToolKind::Computer, Some(action), None) => ("actions", json!([action])),
                (_, _, Some(actions)) => ("actions", actions),
                (_, Some(action), None) => ("action", action),
                (_, None, None) => return None,
            };
            Map::from_iter([(said.0.to_owned(), said.1)])
        }
        ToolKind::ToolSearch => match take("arguments")? {
            Value::Object(arguments) => arguments,
            Value::String(text) => serde_json::from_str(&text).ok()?,
            _ => return None,
        },
    };
    input.retain(|_, value| !value.is_null());
    Some(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_that_was_made_of_arguments_gives_the_same_arguments_back() {
        for (kind, arguments) in [
            (ToolKind::LocalShell, json!({"command": ["ls", "-l"], "timeout_ms": 5})),
            (ToolKind::Shell, json!({"commands": ["ls", "pwd"], "max_output_length": 9})),
            (
                ToolKind::ApplyPatch,
                json!({"type": "update_file", "path": "a", "diff": "@@\n-a\n+b"}),
            ),
            (ToolKind::ApplyPatch, json!({"type": "delete_file", "path": "a"})),
            (ToolKind::Computer, json!({"actions": [{"type": "click", "x": 1, "y": 2}]})),
            (ToolKind::ComputerPreview, json!({"action": {"type": "screenshot"}})),
            (ToolKind::ToolSearch, json!({"query": "calendar"})),
        ] {
            let mut item = item_members(kind, &arguments.to_string()).unwrap();
            assert_eq!(
                Value::Object(input_of(kind, &mut |name| item.shift_remove(name)).unwrap()),
                arguments,
                "{kind:?}"
            );
        }
    }

    #[test]
    fn arguments_that_are_not_what_was_asked_for_make_no_item() {
        for (kind, arguments) in [
            (ToolKind::LocalShell, "{\"cmd\":\"ls\"}"),
            (ToolKind::Shell, "{\"commands\":[]}"),
            (ToolKind::Shell, "{\"commands\":[1]}"),
            (ToolKind::ApplyPatch, "{\"type\":\"update_file\",\"path\":\"a\"}"),
            (ToolKind::ApplyPatch, "{\"type\":\"rename\",\"path\":\"a\",\"diff\":\"\"}"),
            (ToolKind::Computer, "{\"actions\":[{\"x\":1}]}"),
            (ToolKind::ComputerPreview, "{\"action\":\"click\"}"),
            (ToolKind::ToolSearch, "{\"query\":"),
        ] {
            assert_eq!(item_members(kind, arguments), None, "{kind:?} {arguments}");
        }
    }
}
