//! Tools that Anthropic defines and the client runs, as functions: their schemas are on nobody's
//! wire, so other dialects are told them here. Source: platform.claude.com, Tool reference, and the
//! pages of the bash, text editor, memory and computer use tools, read on 2026-12-01.

use bytestring::ByteString;
use serde_json::{Map, Value, json};

use crate::codec::digest::digest;
use crate::codec::raw_json::RawJson;
use crate::request::toolsets::{ToolsetMember, Toolsets};
use crate::request::{Tool, ToolRunner};

/// What other dialects are told of such a tool.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Described {
    /// Where the caller gives none.
    pub name: &'static str,
    pub description: String,
    pub schema: Value,
}

/// The size of the screen that a caller says, in pixels.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Screen {
    pub width: Option<u64>,
    pub height: Option<u64>,
}

/// A tool of this type, if the client runs it.
pub(crate) fn described(kind: &str, screen: Screen) -> Option<Described> {
    let of = |name: &str| {
        let version = kind.strip_prefix(name)?.strip_prefix('_')?;
        Some(version).filter(|version| version.starts_with(|first: char| first.is_ascii_digit()))
    };
    if of("bash").is_some() {
        return Some(bash());
    }
    if let Some(version) = of("text_editor") {
        return Some(text_editor(version));
    }
    if of("memory").is_some() {
        return Some(memory());
    }
    of("computer").map(|_| computer(screen))
}

fn bash() -> Described {
    Described {
        name: "bash",
        description: "Runs a command in a bash session on the user's machine that goes on from call to call, and returns its output. `restart` begins a new session.".to_owned(),
        schema: schema(&[("command", text()), ("restart", json!({"type": "boolean"}))], &[]),
    }
}

fn text_editor(version: &str) -> Described {
    let is_newer = version >= "20250429";
    let mut commands = vec!["view", "create", "str_replace", "insert"];
    if !is_newer {
        commands.push("undo_edit");
    }
    Described {
        name: if is_newer { "str_replace_based_edit_tool" } else { "str_replace_editor" },
        description: "Views and edits files on the user's machine. `view` shows a file, with `view_range` as [first line, last line], or lists a directory; `create` writes `file_text`; `str_replace` puts `new_str` in the place of the one `old_str`; `insert` puts `insert_text` (older clients: `new_str`) after line `insert_line`.".to_owned(),
        schema: schema(
            &[
                ("command", words(&commands)),
                ("path", text()),
                ("file_text", text()),
                ("old_str", text()),
                ("new_str", text()),
                ("insert_line", whole()),
                ("insert_text", text()),
                ("view_range", list(whole())),
            ],
            &["command", "path"],
        ),
    }
}

fn memory() -> Described {
    Described {
        name: "memory",
        description: "Keeps notes between conversations as files under /memories. Look there first. `view` shows a file or lists a directory; `create` writes `file_text`; `str_replace` puts `new_str` in the place of `old_str`; `insert` puts `insert_text` after line `insert_line`; `delete` removes `path`; `rename` moves `old_path` to `new_path`.".to_owned(),
        schema: schema(
            &[
                ("command", words(&["view", "create", "str_replace", "insert", "delete", "rename"])),
                ("path", text()),
                ("file_text", text()),
                ("old_str", text()),
                ("new_str", text()),
                ("insert_line", whole()),
                ("insert_text", text()),
                ("view_range", list(whole())),
                ("old_path", text()),
                ("new_path", text()),
            ],
            &["command"],
        ),
    }
}

/// What a computer does, the members of its input that matter to it, and those that must be there.
const ACTIONS: [(&str, &[&str], &[&str]); 17] = [
    ("screenshot", &[], &[]),
    ("zoom", &["region"], &["region"]),
    ("left_click", &["coordinate", "text"], &[]),
    ("right_click", &["coordinate", "text"], &[]),
    ("middle_click", &["coordinate", "text"], &[]),
    ("double_click", &["coordinate", "text"], &[]),
    ("triple_click", &["coordinate", "text"], &[]),
    ("left_click_drag", &["start_coordinate", "coordinate"], &["coordinate"]),
    ("left_mouse_down", &[], &[]),
    ("left_mouse_up", &[], &[]),
    ("mouse_move", &["coordinate"], &["coordinate"]),
    ("cursor_position", &[], &[]),
    (
        "scroll",
        &["coordinate", "scroll_direction", "scroll_amount", "text"],
        &["scroll_direction", "scroll_amount"],
    ),
    ("type", &["text"], &["text"]),
    ("key", &["text"], &["text"]),
    ("hold_key", &["text", "duration"], &["text", "duration"]),
    ("wait", &["duration"], &["duration"]),
];

const PLACES: &str = "`coordinate` is [x, y] in pixels from the upper left; `text` is what is typed, a key such as ctrl+s, or keys that are held during a click or scroll; `region` is [x1, y1, x2, y2].";

fn computer(screen: Screen) -> Described {
    let actions: Vec<&str> = ACTIONS.iter().map(|(name, _, _)| *name).collect();
    let mut description = format!(
        "Acts on the user's screen with mouse and keyboard, and takes screenshots of it. {PLACES}"
    );
    if let (Some(width), Some(height)) = (screen.width, screen.height) {
        description.push_str(&format!(" The screen is {width} by {height} pixels."));
    }
    let mut properties = vec![("action", words(&actions))];
    properties.extend(MEMBERS.iter().map(|name| (*name, member(name))));
    Described { name: "computer", description, schema: schema(&properties, &["action"]) }
}

const MEMBERS: [&str; 7] = [
    "coordinate",
    "start_coordinate",
    "text",
    "scroll_direction",
    "scroll_amount",
    "duration",
    "region",
];

fn member(name: &str) -> Value {
    match name {
        "scroll_direction" => words(&["up", "down", "left", "right"]),
        "scroll_amount" => whole(),
        "duration" => json!({"type": "number"}),
        "text" => text(),
        _ => list(whole()),
    }
}

/// The toolset that a tool of this type stands for, by the name that its calls carry.
pub(crate) fn toolset(kind: &str) -> Option<&'static str> {
    kind.starts_with("computer_toolset_").then_some("computer")
}

/// The tools of a toolset that is offered beside tools of these names: each with a name of its own.
pub(crate) fn expanded(
    toolset: &'static str,
    kind: &ByteString,
    taken: &[&str],
    toolsets: &mut Toolsets,
) -> Vec<Tool> {
    let members = toolset_members().map(|(name, description, schema)| {
        let mut flat = format!("{toolset}_{name}");
        let mut salt = 0;
        while taken.contains(&&*flat) {
            flat = format!("{toolset}_{name}_{}", digest(name, salt, 6));
            salt += 1;
        }
        let flat = ByteString::from(flat);
        toolsets.add(ToolsetMember { flat: flat.clone(), name, toolset });
        Tool {
            kind: Some(kind.clone()),
            name: Some(flat),
            description: Some(description.into()),
            input_schema: Some(RawJson::Value(schema)),
            runner: ToolRunner::Client,
            ..Tool::default()
        }
    });
    members.collect()
}

/// The tools of a toolset of a computer: each with what other dialects are told of it.
fn toolset_members() -> impl Iterator<Item = (&'static str, String, Value)> {
    ACTIONS.iter().map(|(name, members, required)| {
        let words = name.replace('_', " ");
        let description = format!("On the user's computer: {words}. {PLACES}");
        let properties: Vec<(&str, Value)> =
            members.iter().map(|name| (*name, member(name))).collect();
        (*name, description, schema(&properties, required))
    })
}

fn schema(properties: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn whole() -> Value {
    json!({"type": "integer"})
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn words(all: &[&str]) -> Value {
    json!({"type": "string", "enum": all})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tools_that_the_client_runs_are_described() {
        for (kind, name) in [
            ("bash_20250124", Some("bash")),
            ("text_editor_20250728", Some("str_replace_based_edit_tool")),
            ("text_editor_20250124", Some("str_replace_editor")),
            ("memory_20250818", Some("memory")),
            ("computer_20251124", Some("computer")),
            ("computer_toolset_20260801", None),
            ("web_search_20250305", None),
            ("code_execution_20250825", None),
            ("tool_search_tool_regex_20251119", None),
            ("mcp_toolset", None),
        ] {
            let found = described(kind, Screen::default());
            assert_eq!(found.map(|found| found.name), name, "{kind}");
        }
        assert_eq!(toolset("computer_toolset_20260801"), Some("computer"));
        assert_eq!(toolset("mcp_toolset"), None);
        assert_eq!(toolset_members().count(), 17);
    }
}
