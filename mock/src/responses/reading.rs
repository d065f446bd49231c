//! A Responses request, read as the vendor reads it: what it does not know or cannot pair it
//! refuses.

use serde_json::Value;

use crate::request::{
    BadRequest, ModelRequest, Tool, ToolChoice, array, bad, content_text, remember_user_text,
};

const MEMBERS: [&str; 29] = [
    "background",
    "client_metadata",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
const LEAST_OUTPUT_TOKENS: u64 = 16;
/// What encrypted reasoning of this provider begins with; that of others cannot be decrypted.
pub const ENCRYPTED: &str = "gAAAAmock";

/// Items of tools with types of their own, and of what the vendor makes: taken back as they are.
const KEPT: [&str; 16] = [
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_call",
    "mcp_list_tools",
    "compaction",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "computer_call",
    "computer_call_output",
    "tool_search_call",
];

/// Everything but the model and the delivery.
pub fn read(body: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    if let Some(unknown) =
        body.as_object().and_then(|body| body.keys().find(|key| !MEMBERS.contains(&key.as_str())))
    {
        return Err(bad(&format!("Unknown parameter: '{unknown}'.")));
    }
    if let Some(id) = body["previous_response_id"].as_str() {
        return Err(bad(&format!("Previous response with id '{id}' not found.")));
    }
    let reasons = (request.model.starts_with("gpt-5") || request.model.starts_with('o'))
        && body["reasoning"]["effort"] != "none";
    for sampling in ["temperature", "top_p"] {
        if reasons && body[sampling].is_number() {
            return Err(bad(&format!(
                "Unsupported parameter: '{sampling}' is not supported with this model."
            )));
        }
    }
    request.max_tokens = body["max_output_tokens"].as_u64();
    if request.max_tokens.is_some_and(|limit| limit < LEAST_OUTPUT_TOKENS) {
        return Err(bad(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.",
        ));
    }
    request.system_text = body["instructions"].as_str().unwrap_or_default().to_owned();
    request.encrypted_reasoning =
        array(&body["include"]).iter().any(|wanted| wanted == "reasoning.encrypted_content");
    tools(body, request)?;
    match &body["input"] {
        Value::String(text) => request.user_text = text.clone(),
        Value::Array(items) if !items.is_empty() => read_items(items, request)?,
        _ => return Err(bad("Missing required parameter: 'input'.")),
    }
    Ok(())
}

fn tools(body: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    // Tools that the vendor runs itself have no name, and a scripted answer does not use them.
    let callable =
        |tool: &Value| matches!(tool["type"].as_str(), None | Some("function" | "custom"));
    for (position, tool) in
        array(&body["tools"]).iter().enumerate().filter(|(_, tool)| callable(tool))
    {
        let name = tool["name"].as_str().ok_or_else(|| {
            bad(&format!("Missing required parameter: 'tools[{position}].name'."))
        })?;
        let strict = tool["strict"].as_bool().unwrap_or(true);
        if strict
            && tool["type"] == "function"
            && tool["parameters"]["additionalProperties"] != false
        {
            return Err(bad(&format!(
                "Invalid schema for function '{name}': In context=(), 'additionalProperties' is required to be supplied and to be false."
            )));
        }
        request.tools.push(Tool { name: name.to_owned(), schema: tool["parameters"].clone() });
    }
    let choice = &body["tool_choice"];
    request.tool_choice = match (choice.as_str(), choice["name"].as_str()) {
        (_, Some(name)) => ToolChoice::Named(name.to_owned()),
        (Some("none"), _) => ToolChoice::Forbidden,
        (Some("required"), _) => ToolChoice::Any,
        (None | Some("auto"), _) => ToolChoice::Auto,
        (Some(other), _) => {
            return Err(bad(&format!(
                "Invalid value: '{other}'. Supported values are: 'none', 'auto', and 'required'."
            )));
        }
    };
    if body["parallel_tool_calls"] == false {
        request.most_calls = 1;
    }
    Ok(())
}

fn read_items(items: &[Value], request: &mut ModelRequest) -> Result<(), BadRequest> {
    let mut called: Vec<&str> = Vec::new();
    let mut unanswered: Vec<&str> = Vec::new();
    let mut after_output = false;
    for (position, item) in items.iter().enumerate() {
        let text = |field: &str| item[field].as_str().unwrap_or_default();
        match item["type"].as_str().unwrap_or("message") {
            "message" => message(position, item, request)?,
            "function_call" | "custom_tool_call" => {
                called.push(text("call_id"));
                unanswered.push(text("call_id"));
                if std::mem::take(&mut after_output) {
                    request.tool_results.clear();
                }
            }
            "function_call_output" | "custom_tool_call_output" => {
                let id = text("call_id");
                if !called.contains(&id) {
                    return Err(bad(&format!(
                        "No tool call found for function call output with call_id {id}."
                    )));
                }
                unanswered.retain(|open| *open != id);
                request.tool_results.push(output_text(position, &item["output"])?);
                after_output = true;
            }
            "reasoning" => {
                let encrypted = item["encrypted_content"].as_str();
                if encrypted.is_none_or(|encrypted| !encrypted.starts_with(ENCRYPTED)) {
                    return Err(bad(&format!(
                        "The encrypted content for item {} could not be verified.",
                        text("id")
                    )));
                }
            }
            kept if KEPT.contains(&kept) => {}
            other => {
                return Err(bad(&format!(
                    "Invalid value: '{other}'. Supported values are: 'message', 'function_call' and others."
                )));
            }
        }
    }
    match unanswered.first() {
        Some(id) => Err(bad(&format!("No tool output found for function call {id}."))),
        None => Ok(()),
    }
}

fn message(position: usize, item: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    let role = item["role"].as_str().unwrap_or_default();
    let kinds: &[&str] = match role {
        "assistant" => &["output_text", "refusal"],
        "user" | "system" | "developer" => &["input_text", "input_image", "input_file"],
        _ => {
            return Err(bad(&format!(
                "Invalid value: '{role}'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
            )));
        }
    };
    check_parts(&format!("input[{position}].content"), &item["content"], kinds)?;
    let text = item_text(&item["content"]);
    match role {
        "assistant" => request.tool_results.clear(),
        "user" => remember_user_text(request, &Value::String(text)),
        _ => {
            request.system_text.push('\n');
            request.system_text.push_str(&text);
        }
    }
    Ok(())
}

fn output_text(position: usize, output: &Value) -> Result<String, BadRequest> {
    check_parts(
        &format!("input[{position}].output"),
        output,
        &["input_text", "input_image", "input_file"],
    )?;
    if output.is_null() {
        return Err(bad(&format!("Missing required parameter: 'input[{position}].output'.")));
    }
    Ok(item_text(output))
}

fn check_parts(path: &str, content: &Value, kinds: &[&str]) -> Result<(), BadRequest> {
    for (position, part) in array(content).iter().enumerate() {
        let kind = part["type"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) {
            return Err(bad(&format!(
                "Invalid value: '{kind}'. Supported values are: '{}'. ({path}[{position}])",
                kinds.join("', '")
            )));
        }
    }
    Ok(())
}

fn item_text(content: &Value) -> String {
    let texts = |part: &Value| part["text"].as_str().map(str::to_owned);
    match content {
        Value::Array(parts) => parts.iter().filter_map(texts).collect::<Vec<_>>().join("\n"),
        other => content_text(other),
    }
}
