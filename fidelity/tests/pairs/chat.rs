//! Every field that OpenAI documents for `POST /v1/chat/completions`.

use serde_json::{Value, json};

use crate::edit::{Documented, Field, field};

pub fn documented() -> Documented {
    let mut fields = members();
    fields.extend(messages());
    fields.extend(tools());
    Documented::of(base(), fields)
}

/// The flat dialect reads the same members, but never streams.
pub fn flat() -> Documented {
    let mut documented = documented();
    documented.fields.retain(|field| !field.path.starts_with("stream"));
    documented
}

fn base() -> Value {
    json!({
        "model": "the-model",
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "hello"}]},
            {"role": "assistant", "content": "well", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"it\"}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
            {"role": "user", "content": "go on"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}],
    })
}

fn members() -> Vec<Field> {
    let schema = json!({"type": "object", "properties": {"mark-property": {"type": "string"}}, "required": [], "additionalProperties": false});
    vec![
        field("max_completion_tokens", json!(4243)),
        field("max_tokens", json!(4244)),
        field("temperature", json!(0.4242)),
        field("temperature", json!(1.4242)),
        field("top_p", json!(0.9191)),
        field("stop", json!("mark-stop")),
        field("stop", json!(["a", "mark-stop"])),
        field("tool_choice", json!("auto")).met_by_silence(),
        field("tool_choice", json!("required")),
        field("tool_choice", json!("none")),
        field("tool_choice", json!({"type": "function", "function": {"name": "look"}})),
        field(
            "tool_choice",
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "look"}}]}}),
        ).apart_from("tools.1"),
        field("parallel_tool_calls", json!(false)),
        field("parallel_tool_calls", json!(true)).met_by_silence(),
        field("reasoning_effort", json!("low")),
        field("reasoning_effort", json!("minimal")),
        field("reasoning_effort", json!("xhigh")),
        field("response_format", json!({"type": "text"})).met_by_silence(),
        field("response_format", json!({"type": "json_object"})),
        field("response_format", json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "strict": true}})),
        field("response_format", json!({"type": "json_schema", "json_schema": {"name": "mark-format", "schema": {"type": "object"}}})),
        field(
            "response_format",
            json!({"type": "json_schema", "json_schema": {"name": "n", "description": "mark-described", "schema": {"type": "object"}}}),
        ),
        field("stream", json!(true)).met_by_silence(),
        field("stream_options", json!({"include_usage": true})).met_by_silence().needing("stream"),
        field("stream_options", json!({"include_usage": true, "include_obfuscation": false})).needing("stream"),
        field("prompt_cache_key", json!("mark-cache")),
        field("prompt_cache_retention", json!("mark-retention")),
        field("safety_identifier", json!("mark-safety")),
        field("service_tier", json!("flex")),
        field("user", json!("mark-user")),
        field("metadata", json!({"team": "mark-team"})),
        field("store", json!(true)),
        field("store", json!(false)).met_by_silence(),
        field("seed", json!(424_242)),
        field("n", json!(1)).met_by_silence(),
        field("n", json!(2)),
        field("logprobs", json!(true)),
        field("top_logprobs", json!(5)).needing("logprobs"),
        field("logit_bias", json!({"50256": -100})),
        field("presence_penalty", json!(0.5151)),
        field("frequency_penalty", json!(0.6161)),
        field("modalities", json!(["text", "audio"])),
        field("audio", json!({"voice": "mark-voice", "format": "wav"})),
        field("prediction", json!({"type": "content", "content": "mark-predicted"})),
        field("verbosity", json!("low")),
        field("web_search_options", json!({"search_context_size": "mark-size"})),
        field("newer_than_this", json!({"a": ["mark-newer"]})),
    ]
}

fn messages() -> Vec<Field> {
    let part = |part: Value| field("messages.1.content.1", part);
    vec![
        field("messages.0", json!({"role": "developer", "content": "mark-developer"})),
        field("messages.0.content", json!("mark-system")),
        field("messages.0.content", json!([{"type": "text", "text": "mark-system"}])),
        field("messages.0.name", json!("mark-name")),
        field("messages.1.content", json!("mark-plain")),
        field("messages.1.content.0.text", json!("mark-text")),
        field("messages.1.name", json!("mark-name")),
        part(json!({"type": "text", "text": "mark-second"})),
        part(json!({"type": "image_url", "image_url": {"url": "https://mark-image"}})),
        part(
            json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,mark-image"}}),
        ),
        field("messages.1.content.1.image_url.detail", json!("low"))
            .needing("messages.1.content.1"),
        part(
            json!({"type": "input_audio", "input_audio": {"data": "mark-audio", "format": "wav"}}),
        ),
        part(
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,mark-file", "filename": "f.pdf"}}),
        ),
        part(
            json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "mark-filename"}}),
        ),
        part(json!({"type": "file", "file": {"file_id": "mark-file"}})),
        part(json!({"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}})),
        field("messages.2.content", json!("mark-said")),
        field("messages.2.content", Value::Null),
        field("messages.2.content", json!([{"type": "text", "text": "mark-said"}])),
        field("messages.2.content", json!([{"type": "refusal", "refusal": "mark-refused"}])),
        field("messages.2.refusal", json!("mark-refused")),
        field("messages.2.name", json!("mark-name")),
        field("messages.2.audio", json!({"id": "mark-audio"})),
        field("messages.2.reasoning_content", json!("mark-reasoning")),
        field("messages.2.tool_calls.0.id", json!("mark-id")).needing("messages.3.tool_call_id"),
        field("messages.3.tool_call_id", json!("mark-id")),
        field("messages.2.tool_calls.0.function.arguments", json!("{\"at\":\"mark-arguments\"}")),
        field("messages.3.content", json!("mark-result")),
        field("messages.3.content", json!([{"type": "text", "text": "mark-result"}])),
        field("messages.4.content", json!("mark-last")),
        field("messages.5", json!({"role": "assistant", "content": "mark-prefill"})),
        field("messages.5", json!({"role": "system", "content": "mark-instruction"})),
    ]
}

fn tools() -> Vec<Field> {
    vec![
        field("tools.0.function.description", json!("mark-description")),
        field("tools.0.function.strict", json!(true)),
        field("tools.0.function.strict", json!(false)).met_by_silence(),
        field(
            "tools.0.function.parameters",
            json!({"type": "object", "properties": {"at": {"type": "string", "description": "mark-schema"}}}),
        ),
        field(
            "tools.1",
            json!({"type": "function", "function": {"name": "mark-name", "parameters": {"type": "object"}}}),
        ),
        field("tools.1", json!({"type": "function", "function": {"name": "mark-bare"}})),
        field("tools.1", json!({"type": "custom", "custom": {"name": "mark-custom"}})),
    ]
}
