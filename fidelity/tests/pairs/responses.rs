//! Every field that OpenAI documents for `POST /v1/responses`.

use serde_json::{Value, json};

use crate::edit::{Documented, Field, field};

pub fn documented() -> Documented {
    let mut fields = members();
    fields.extend(items());
    fields.extend(tools());
    Documented::of(base(), fields)
}

fn base() -> Value {
    json!({
        "model": "the-model",
        "instructions": "be kind",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "well", "annotations": []}]},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{\"at\":\"it\"}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "seen"},
            {"type": "message", "role": "user", "content": "go on"},
        ],
        "tools": [{"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}],
    })
}

fn members() -> Vec<Field> {
    vec![
        field("input", json!("mark-input")),
        field("instructions", json!("mark-instructions")),
        field("max_output_tokens", json!(4243)),
        field("temperature", json!(0.4242)),
        field("temperature", json!(1.4242)),
        field("top_p", json!(0.9191)),
        field("tool_choice", json!("auto")).met_by_silence(),
        field("tool_choice", json!("required")),
        field("tool_choice", json!("none")),
        field("tool_choice", json!({"type": "function", "name": "look"})),
        field("tool_choice", json!({"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "look"}]}))
            .apart_from("tools.1"),
        field("parallel_tool_calls", json!(false)),
        field("parallel_tool_calls", json!(true)).met_by_silence(),
        field("reasoning.effort", json!("low")),
        field("reasoning.effort", json!("xhigh")),
        field("reasoning.summary", json!("detailed")),
        field("text", json!({"format": {"type": "text"}})).met_by_silence(),
        field("text", json!({"format": {"type": "json_object"}})),
        field(
            "text",
            json!({"format": {"type": "json_schema", "name": "n", "schema": {"type": "object", "title": "mark-schema"}, "strict": true}}),
        ),
        field("text.verbosity", json!("low")),
        field("store", json!(true)),
        field("store", json!(false)).met_by_silence(),
        // every answer has it, whoever gives it
        field("include", json!(["reasoning.encrypted_content"])).met_by_silence(),
        field("include", json!(["file_search_call.results"])),
        field("previous_response_id", json!("mark-previous")),
        field("conversation", json!("mark-conversation")),
        field("background", json!(true)),
        field("stream", json!(true)).met_by_silence(),
        field("stream_options", json!({"include_obfuscation": false})).needing("stream"),
        field("metadata", json!({"team": "mark-team"})),
        field("prompt_cache_key", json!("mark-cache")),
        field("prompt_cache_retention", json!("mark-retention")),
        field("safety_identifier", json!("mark-safety")),
        field("service_tier", json!("flex")),
        field("truncation", json!("auto")),
        field("truncation", json!("disabled")).met_by_silence(),
        field("max_tool_calls", json!(41_411)),
        field("top_logprobs", json!(5)),
        field("user", json!("mark-user")),
        field("prompt", json!({"id": "mark-prompt"})),
        field("newer_than_this", json!({"a": ["mark-newer"]})),
    ]
}

fn items() -> Vec<Field> {
    let part = |part: Value| field("input.0.content.1", part);
    let item = |item: Value| field("input.5", item);
    vec![
        field("input.0.content", json!("mark-plain")),
        field("input.0.content.0.text", json!("mark-text")),
        field("input.0.role", json!("developer")),
        field("input.0.role", json!("system")),
        part(json!({"type": "input_image", "image_url": "https://mark-image", "detail": "auto"})),
        part(json!({"type": "input_image", "image_url": "data:image/png;base64,mark-image"})),
        part(
            json!({"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"}),
        ),
        part(json!({"type": "input_image", "file_id": "mark-file"})),
        part(
            json!({"type": "input_file", "filename": "f.pdf", "file_data": "data:application/pdf;base64,mark-file"}),
        ),
        part(
            json!({"type": "input_file", "filename": "mark-filename", "file_data": "data:application/pdf;base64,aGk="}),
        ),
        part(json!({"type": "input_file", "file_id": "mark-file"})),
        part(json!({"type": "input_file", "file_url": "https://mark-file"})),
        field("input.1.content.0.text", json!("mark-said")),
        field("input.1.content.0", json!({"type": "refusal", "refusal": "mark-refused"})),
        field(
            "input.1.content.0.annotations",
            json!([{"type": "url_citation", "url": "mark-url"}]),
        ),
        // an item's id is how the provider that made it finds it again, if it kept it
        field("input.1.id", json!("mark-item")).met_by_silence(),
        field("input.2.arguments", json!("{\"at\":\"mark-arguments\"}")),
        field("input.2.id", json!("mark-item")).met_by_silence(),
        field("input.2.call_id", json!("mark-call")).needing("input.3.call_id"),
        field("input.3.call_id", json!("mark-call")),
        field("input.3.output", json!("mark-result")),
        field("input.3.output", json!([{"type": "input_text", "text": "mark-result"}])),
        field(
            "input.3.output",
            json!([{"type": "input_image", "image_url": "data:image/png;base64,mark-image"}]),
        ),
        field(
            "input.3.output",
            json!([{"type": "input_file", "filename": "f", "file_data": "data:application/pdf;base64,mark-file"}]),
        ),
        field("input.4.content", json!("mark-last")),
        item(
            json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "mark-summary"}]}),
        ),
        item(
            json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "mark-encrypted"}),
        ),
        item(json!({"type": "item_reference", "id": "mark-reference"})),
        item(
            json!({"type": "custom_tool_call", "call_id": "call_2", "name": "sql", "input": "mark-custom"}),
        ),
        item(json!({"type": "web_search_call", "id": "mark-search", "status": "completed"})),
        item(json!({"type": "hologram", "beam": "mark-beam"})),
        item(json!({"role": "assistant", "content": "mark-prefill"})),
    ]
}

fn tools() -> Vec<Field> {
    vec![
        field("tools.0.description", json!("mark-description")),
        field("tools.0.strict", json!(true)),
        field("tools.0.strict", json!(false)).met_by_silence(),
        field(
            "tools.0.parameters",
            json!({"type": "object", "properties": {"at": {"type": "string", "description": "mark-schema"}}}),
        ),
        field(
            "tools.1",
            json!({"type": "function", "name": "mark-name", "parameters": {"type": "object"}}),
        ),
        field("tools.1", json!({"type": "custom", "name": "mark-custom", "description": "d"})),
        field("tools.1", json!({"type": "web_search", "search_context_size": "mark-size"})),
        field(
            "tools.1",
            json!({"type": "mcp", "server_label": "mark-server", "server_url": "https://x"}),
        ),
    ]
}
