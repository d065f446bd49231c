//! Names of tools as the vendors publish what they take. Sources, read on 2026-12-01: OpenAI API
//! reference (letters, digits, `_`, `-`, 64 of them), platform.claude.com "Define tools" (128 of
//! them), Gemini API and Vertex AI reference, FunctionDeclaration.name (dots and colons too, 64,
//! begun by a letter or an underscore). Each name once.

use serde_json::Value;

use crate::request::{BadRequest, Dialect, ModelRequest, array, bad};

/// Refuses a name that the dialect's vendor does not take, of a tool or in the conversation.
pub(crate) fn check(request: &ModelRequest, body: &Value) -> Result<(), BadRequest> {
    let dialect = request.dialect;
    for (position, tool) in request.tools.iter().enumerate() {
        if request.tools[..position].iter().any(|other| other.name == tool.name) {
            return Err(bad(&format!("tools: Tool names must be unique: {}", tool.name)));
        }
    }
    let offered = request.tools.iter().map(|tool| tool.name.clone());
    match offered.chain(called(dialect, body)).find(|name| !is_taken(dialect, name)) {
        Some(name) => Err(bad(&refusal(dialect, &name))),
        None => Ok(()),
    }
}

fn is_taken(dialect: Dialect, name: &str) -> bool {
    let (longest, also) = match dialect {
        Dialect::Anthropic => (128, ""),
        Dialect::Chat | Dialect::Responses => (64, ""),
        Dialect::Gemini => (64, ".:"),
    };
    let legal = |letter: char| {
        letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' || also.contains(letter)
    };
    let begins_well = dialect != Dialect::Gemini
        || name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    !name.is_empty() && name.len() <= longest && name.chars().all(legal) && begins_well
}

fn refusal(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Anthropic => format!(
            "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$': {name}"
        ),
        Dialect::Chat | Dialect::Responses if name.len() > 64 => format!(
            "Invalid 'tools[0].name': string too long. Expected a string with maximum length 64: {name}"
        ),
        Dialect::Chat | Dialect::Responses => format!(
            "Invalid 'tools[0].name': string does not match pattern '^[a-zA-Z0-9_-]+$': {name}"
        ),
        Dialect::Gemini => format!(
            "Invalid function name. Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64: {name}"
        ),
    }
}

/// Names of the calls in the conversation.
fn called(dialect: Dialect, body: &Value) -> Vec<String> {
    let text = |name: &Value| name.as_str().map(str::to_owned);
    let messages = array(&body["messages"]).iter();
    match dialect {
        Dialect::Anthropic => messages
            .flat_map(|message| array(&message["content"]))
            .filter(|block| block["type"] == "tool_use")
            .filter_map(|block| text(&block["name"]))
            .collect(),
        Dialect::Chat => messages
            .flat_map(|message| array(&message["tool_calls"]))
            .filter_map(|call| text(&call["function"]["name"]))
            .collect(),
        Dialect::Responses => array(&body["input"])
            .iter()
            .filter(|item| item["type"] == "function_call")
            .filter_map(|item| text(&item["name"]))
            .collect(),
        Dialect::Gemini => array(&body["contents"])
            .iter()
            .flat_map(|content| array(&content["parts"]))
            .filter_map(|part| text(&part["functionCall"]["name"]))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_vendor_takes_what_it_publishes() {
        for (name, anthropic, openai, gemini) in [
            ("get_weather", true, true, true),
            ("fs.read", false, false, true),
            ("1st", true, true, false),
            ("a/b", false, false, false),
            (&*"x".repeat(65), true, false, false),
            (&*"x".repeat(129), false, false, false),
        ] {
            let taken = [Dialect::Anthropic, Dialect::Responses, Dialect::Gemini]
                .map(|dialect| is_taken(dialect, name));
            assert_eq!(taken, [anthropic, openai, gemini], "{name}");
        }
    }
}
