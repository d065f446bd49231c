//! Every field that Anthropic documents for `POST /v1/messages`, stable and beta.

use serde_json::{Value, json};

use crate::edit::{Documented, Field, field};

pub fn documented() -> Documented {
    let mut fields = members();
    fields.extend(blocks());
    fields.extend(tools());
    Documented::of(base(), fields)
}

fn base() -> Value {
    json!({
        "model": "the-model",
        "max_tokens": 8192,
        "system": [{"type": "text", "text": "be kind"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hello"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "well"}, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "it"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "seen"}]}, {"type": "text", "text": "go on"}]},
        ],
        "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}}],
    })
}

fn members() -> Vec<Field> {
    vec![
        field("max_tokens", json!(4243)),
        field("system", json!("mark-system")),
        field("system.0.cache_control", json!({"type": "ephemeral", "ttl": "1h"})),
        field("system.0.citations", json!([{"type": "char_location", "cited_text": "mark-cited"}])),
        field("system.1", json!({"type": "text", "text": "mark-second"})),
        field("temperature", json!(0.4242)),
        field("top_p", json!(0.9191)),
        field("top_k", json!(41_411)),
        field("stop_sequences", json!(["mark-stop"])),
        field("stop_sequences", json!(["a", "b", "c", "d", "e", "mark-sixth"])),
        field("tool_choice", json!({"type": "auto"})).met_by_silence(),
        field("tool_choice", json!({"type": "any"})),
        field("tool_choice", json!({"type": "none"})),
        field("tool_choice", json!({"type": "tool", "name": "look"})),
        field("tool_choice", json!({"type": "auto", "disable_parallel_tool_use": true})),
        field(
            "tool_choice",
            json!({"type": "tool", "name": "look", "disable_parallel_tool_use": true}),
        ),
        field("thinking", json!({"type": "enabled", "budget_tokens": 2048})),
        field("thinking", json!({"type": "enabled", "budget_tokens": 2048, "display": "omitted"})),
        field("thinking", json!({"type": "adaptive", "display": "summarized"})),
        field("thinking", json!({"type": "between_tools"})),
        field("thinking", json!({"type": "disabled"})).met_by_silence(),
        field("output_config.effort", json!("low")),
        field("output_config.effort", json!("xhigh")),
        field("output_config.effort", json!("max")),
        field(
            "output_config.format",
            json!({"type": "json_schema", "schema": {"type": "object", "properties": {"mark-property": {"type": "string"}}}}),
        ),
        field("output_config.task_budget", json!({"type": "tokens", "total": 51_515})),
        field(
            "output_format",
            json!({"type": "json_schema", "schema": {"type": "object", "title": "mark-format"}}),
        ),
        field("metadata.user_id", json!("mark-user")),
        field("metadata.another", json!("mark-metadata")),
        field("service_tier", json!("standard_only")),
        field("cache_control", json!({"type": "ephemeral"})),
        field("container", json!("mark-container")),
        field("container", json!({"skills": [{"skill_id": "mark-skill"}]})),
        field("inference_geo", json!("mark-geo")),
        field("speed", json!("fast")),
        field("diagnostics", json!({"previous_message_id": "mark-previous"})),
        field("context_management", json!({"edits": [{"type": "mark-edit"}]})),
        field("mcp_servers", json!([{"type": "url", "url": "https://mark-server", "name": "s"}])),
        field("fallbacks", json!([{"model": "mark-fallback"}])),
        field("fallback_credit_token", json!("mark-credit")),
        field("newer_than_this", json!({"a": ["mark-newer"]})),
    ]
}

fn blocks() -> Vec<Field> {
    let user = |block: Value| field("messages.0.content.1", block);
    let own = |block: Value| field("messages.1.content.2", block);
    let result = |block: Value| field("messages.2.content.0.content.1", block);
    let cached = json!({"type": "ephemeral"});
    let png = json!({"type": "base64", "media_type": "image/png", "data": "mark-image"});
    let pdf = json!({"type": "base64", "media_type": "application/pdf", "data": "mark-document"});
    vec![
        field("messages.0.content", json!("mark-plain")),
        field("messages.0.content.0.text", json!("mark-text")),
        field("messages.0.content.0.cache_control", cached.clone()),
        field(
            "messages.0.content.0.citations",
            json!([{"type": "char_location", "cited_text": "mark-cited"}]),
        ),
        user(json!({"type": "image", "source": png})),
        user(json!({"type": "image", "source": {"type": "url", "url": "https://mark-image"}})),
        user(json!({"type": "image", "source": {"type": "file", "file_id": "mark-file"}})),
        user(json!({"type": "image", "source": png, "cache_control": cached})),
        field("messages.0.content.1.transformations", json!(["mark-transformation"]))
            .needing("messages.0.content.1"),
        user(json!({"type": "document", "source": pdf})),
        user(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "mark-document"}}),
        ),
        user(
            json!({"type": "document", "source": {"type": "url", "url": "https://mark-document"}}),
        ),
        user(
            json!({"type": "document", "source": {"type": "content", "content": "mark-document"}}),
        ),
        user(json!({"type": "document", "source": {"type": "file", "file_id": "mark-file"}})),
        user(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "title": "mark-title"}),
        ),
        user(json!({"type": "document", "source": pdf, "title": "mark-title"})),
        user(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}, "context": "mark-context"}),
        ),
        user(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "mark-document"}, "citations": {"enabled": true}}),
        ),
        user(
            json!({"type": "search_result", "source": "mark-source", "title": "t", "content": [{"type": "text", "text": "c"}]}),
        ),
        user(
            json!({"type": "search_result", "source": "s", "title": "mark-title", "content": [{"type": "text", "text": "c"}]}),
        ),
        user(
            json!({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "mark-content"}]}),
        ),
        user(
            json!({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "mark-found"}], "citations": {"enabled": true}}),
        ),
        user(json!({"type": "container_upload", "file_id": "mark-file"})),
        user(json!({"type": "hologram", "beam": "mark-beam"})),
        field(
            "messages",
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "mark-said"}, {"role": "user", "content": "b"}]),
        ),
        field(
            "messages",
            json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "mark-answered"}]),
        ),
        field("messages.1.content.1.id", json!("mark-id"))
            .needing("messages.2.content.0.tool_use_id"),
        field("messages.2.content.0.tool_use_id", json!("mark-id")),
        field("messages.1.content.1.input", json!({"at": "mark-input"})),
        field("messages.1.content.1.caller", json!({"type": "direct"})).met_by_silence(),
        field(
            "messages.1.content.1.caller",
            json!({"type": "code_execution_20250825", "tool_id": "mark-tool"}),
        ),
        field("messages.1.content.1.toolset_name", json!("mark-toolset")),
        field("messages.1.content.1.cache_control", cached.clone()),
        own(json!({"type": "thinking", "thinking": "mark-thought", "signature": "s"})),
        own(json!({"type": "thinking", "thinking": "t", "signature": "mark-signature"})),
        own(json!({"type": "redacted_thinking", "data": "mark-redacted"})),
        own(json!({"type": "text", "text": "after the call, mark-after"})),
        own(
            json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "mark-query"}}),
        ),
        own(
            json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result", "url": "mark-url"}]}),
        ),
        own(
            json!({"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "mark-server", "input": {}}),
        ),
        own(json!({"type": "compaction", "content": "mark-compacted", "encrypted_content": "e"})),
        field("messages.2.content.0.content", json!("mark-result")),
        field("messages.2.content.0.is_error", json!(true)),
        field("messages.2.content.0.cache_control", cached.clone()),
        field("messages.2.content.0.toolset_name", json!("mark-toolset")),
        field("messages.2.content.0.content.0.cache_control", cached.clone()),
        field(
            "messages.2.content.0.content.0.citations",
            json!([{"type": "char_location", "cited_text": "mark-cited"}]),
        ),
        result(json!({"type": "text", "text": "mark-piece"})),
        result(json!({"type": "image", "source": png})),
        result(json!({"type": "image", "source": png, "cache_control": cached})),
        result(json!({"type": "document", "source": pdf})),
        result(
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "mark-document"}, "title": "t"}),
        ),
        result(
            json!({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "mark-content"}]}),
        ),
        result(json!({"type": "tool_reference", "tool_name": "mark-reference"})),
        field("messages.3", json!({"role": "system", "content": "mark-instruction"})),
        field(
            "messages.3",
            json!({"role": "system", "content": [{"type": "text", "text": "mark-instruction", "cache_control": cached}]}),
        ),
        field("messages.3", json!({"role": "assistant", "content": "mark-prefill"})),
    ]
}

fn tools() -> Vec<Field> {
    vec![
        field("tools.0.description", json!("mark-description")),
        field("tools.0.type", json!("custom")).met_by_silence(),
        field("tools.0.strict", json!(true)),
        field("tools.0.cache_control", json!({"type": "ephemeral"})),
        field("tools.0.defer_loading", json!(true)),
        field("tools.0.eager_input_streaming", json!(true)),
        field("tools.0.input_examples", json!([{"at": "mark-example"}])),
        field("tools.0.allowed_callers", json!(["direct"])),
        field(
            "tools.0.input_schema",
            json!({"type": "object", "properties": {"at": {"type": "string", "description": "mark-schema"}}, "additionalProperties": false}),
        ),
        field("tools.1", json!({"name": "mark-name", "input_schema": {"type": "object"}})),
        field(
            "tools.1",
            json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 5}),
        ),
        field("tools.1", json!({"type": "bash_20250124", "name": "bash"})),
        field("tools.1", json!({"type": "mcp_toolset", "mcp_server_name": "mark-server"})),
    ]
}
