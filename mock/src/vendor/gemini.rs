//! What Gemini's compatibility endpoint refuses: members and keywords that it does not know.
//! Source: ai.google.dev/gemini-api/docs/openai and its errors.

use serde_json::Value;

const BODY: [&str; 18] = [
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stream",
    "stream_options",
    "stop",
    "seed",
    "n",
    "response_format",
    "tools",
    "tool_choice",
    "presence_penalty",
    "frequency_penalty",
    "reasoning_effort",
    "extra_body",
];
const SCHEMA: [&str; 6] =
    ["$schema", "additionalProperties", "const", "exclusiveMinimum", "patternProperties", "oneOf"];

pub fn refusal(body: &Value) -> Option<String> {
    if let Some(extra) = body.as_object()?.keys().find(|key| !BODY.contains(&key.as_str())) {
        return Some(format!(
            "Invalid JSON payload received. Unknown name \"{extra}\": Cannot find field."
        ));
    }
    let keyword = super::schemas(body)
        .find_map(|schema| SCHEMA.iter().find(|keyword| schema.get(**keyword).is_some()));
    keyword.map(|keyword| {
        format!("Invalid JSON payload received. Unknown name \"{keyword}\" at 'tools[0].function_declarations[0].parameters'")
    })
}
