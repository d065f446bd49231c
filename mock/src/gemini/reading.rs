//! A request in Gemini's dialect, read as the vendor reads it: a member that it does not know it
//! refuses, and what does not pair.

use serde_json::Value;

use crate::request::{BadRequest, ModelRequest, Tool, ToolChoice, array, bad};

/// What thought signatures of this provider begin with; signatures of other providers are not
/// valid.
pub const SIGNATURE: &str = "bW9ja3NpZ25lZA";
/// Lets a tool call of another vendor through.
const VALIDATOR_SKIPPED: &str = "skip_thought_signature_validator";
const MOST_STOP_SEQUENCES: usize = 5;

const REQUEST: [&str; 7] = [
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
];
const CONTENT: [&str; 2] = ["role", "parts"];
const PART: [&str; 10] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "thought",
    "thoughtSignature",
    "executableCode",
    "codeExecutionResult",
    "videoMetadata",
];
const CALL: [&str; 3] = ["id", "name", "args"];
const RESPONSE: [&str; 4] = ["id", "name", "response", "parts"];
const DECLARATION: [&str; 5] =
    ["name", "description", "parameters", "parametersJsonSchema", "behavior"];
const CONFIG: [&str; 13] = [
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "stopSequences",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "seed",
    "candidateCount",
    "presencePenalty",
    "frequencyPenalty",
];
const THINKING: [&str; 3] = ["includeThoughts", "thinkingBudget", "thinkingLevel"];

/// Models since the third generation sign their calls and want the signatures back.
pub fn signs(model: &str) -> bool {
    model.starts_with("gemini-3") || model.starts_with("gemini-4")
}

/// Everything but the model and the delivery, which stand in the path.
pub fn read(body: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    known(body, &REQUEST, "")?;
    for part in array(&body["systemInstruction"]["parts"]) {
        known(part, &PART, "system_instruction.parts[0]")?;
        request.system_text.push_str(part["text"].as_str().unwrap_or_default());
    }
    tools(body, request)?;
    config(&body["generationConfig"], request)?;
    contents(array(&body["contents"]), request)
}

fn tools(body: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    for declaration in
        array(&body["tools"]).iter().flat_map(|tool| array(&tool["functionDeclarations"]))
    {
        known(declaration, &DECLARATION, "tools[0].function_declarations[0]")?;
        let name = declaration["name"].as_str().filter(|name| (1..=64).contains(&name.len()));
        let name = name
            .ok_or_else(|| bad("tools[0].function_declarations[0].name: Invalid function name."))?;
        let schema =
            declaration.get("parametersJsonSchema").or_else(|| declaration.get("parameters"));
        request
            .tools
            .push(Tool { name: name.to_owned(), schema: schema.cloned().unwrap_or_default() });
    }
    let config = &body["toolConfig"]["functionCallingConfig"];
    let allowed = array(&config["allowedFunctionNames"]);
    request.tool_choice = match (config["mode"].as_str(), allowed.first().and_then(Value::as_str)) {
        (None | Some("AUTO" | "VALIDATED"), _) => ToolChoice::Auto,
        (Some("NONE"), _) => ToolChoice::Forbidden,
        (Some("ANY"), Some(name)) => ToolChoice::Named(name.to_owned()),
        (Some("ANY"), None) => ToolChoice::Any,
        (Some(other), _) => {
            return Err(bad(&format!(
                "Invalid value at 'tool_config.function_calling_config.mode', \"{other}\""
            )));
        }
    };
    Ok(())
}

fn config(config: &Value, request: &mut ModelRequest) -> Result<(), BadRequest> {
    known(config, &CONFIG, "generation_config")?;
    let thinking = &config["thinkingConfig"];
    known(thinking, &THINKING, "generation_config.thinking_config")?;
    if thinking["thinkingBudget"].is_number() && thinking["thinkingLevel"].is_string() {
        return Err(bad("You can only set only one of thinking budget and thinking level."));
    }
    if thinking["thinkingLevel"].is_string() && !signs(&request.model) {
        return Err(bad("Thinking level is not supported for this model."));
    }
    if config["responseMimeType"] == "application/json"
        && !request.tools.is_empty()
        && !signs(&request.model)
    {
        return Err(bad(
            "Function calling with a response mime type: 'application/json' is unsupported",
        ));
    }
    request.max_tokens = config["maxOutputTokens"].as_u64();
    request.stop_sequences = array(&config["stopSequences"])
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if request.stop_sequences.len() > MOST_STOP_SEQUENCES {
        return Err(bad("The number of stop sequences must be at most 5."));
    }
    Ok(())
}

fn contents(contents: &[Value], request: &mut ModelRequest) -> Result<(), BadRequest> {
    if contents.is_empty() {
        return Err(bad("* GenerateContentRequest.contents: contents is not specified"));
    }
    let mut calls: Vec<&str> = Vec::new();
    for (position, content) in contents.iter().enumerate() {
        let path = format!("contents[{position}]");
        known(content, &CONTENT, &path)?;
        let parts = array(&content["parts"]);
        if parts.is_empty() {
            return Err(bad(
                "* GenerateContentRequest.contents.parts: contents.parts must not be empty.",
            ));
        }
        for (index, part) in parts.iter().enumerate() {
            let path = format!("{path}.parts[{index}]");
            known(part, &PART, &path)?;
            known(&part["functionCall"], &CALL, &format!("{path}.function_call"))?;
            known(&part["functionResponse"], &RESPONSE, &format!("{path}.function_response"))?;
            check_signature(part)?;
        }
        let responses: Vec<&str> = named(parts, "functionResponse");
        if responses.len() != calls.len() || responses.iter().any(|name| !calls.contains(name)) {
            return Err(bad(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
            ));
        }
        match content["role"].as_str() {
            Some("model") => {
                calls = named(parts, "functionCall");
                request.tool_results.clear();
                check_first_call(position, parts, request)?;
            }
            Some("user") => {
                calls.clear();
                user(parts, request)?;
            }
            _ => return Err(bad("Please use a valid role: user, model.")),
        }
    }
    if calls.is_empty() {
        Ok(())
    } else {
        Err(bad(
            "Please ensure that single turn requests end with a user role or the role field is empty.",
        ))
    }
}

fn user(parts: &[Value], request: &mut ModelRequest) -> Result<(), BadRequest> {
    let mut texts = Vec::new();
    for part in parts {
        let response = &part["functionResponse"];
        if response.is_object() {
            if response.get("parts").is_some() && !signs(&request.model) {
                return Err(bad("Multimodal function responses are not supported for this model."));
            }
            let said =
                ["output", "error"].iter().find_map(|word| response["response"][*word].as_str());
            request
                .tool_results
                .push(said.map_or_else(|| response["response"].to_string(), str::to_owned));
        } else if let Some(text) = part["text"].as_str() {
            texts.push(text);
        }
    }
    if !texts.is_empty() {
        request.user_text = texts.join("\n");
    }
    Ok(())
}

fn named<'p>(parts: &'p [Value], member: &str) -> Vec<&'p str> {
    parts
        .iter()
        .filter(|part| part[member].is_object())
        .map(|part| part[member]["name"].as_str().unwrap_or_default())
        .collect()
}

fn check_signature(part: &Value) -> Result<(), BadRequest> {
    match part["thoughtSignature"].as_str() {
        Some(signature) if !signature.starts_with(SIGNATURE) && signature != VALIDATOR_SKIPPED => {
            Err(bad("Corrupted thought signature."))
        }
        _ => Ok(()),
    }
}

fn check_first_call(
    position: usize,
    parts: &[Value],
    request: &ModelRequest,
) -> Result<(), BadRequest> {
    let Some(first) = parts
        .iter()
        .find(|part| part["functionCall"].is_object())
        .filter(|_| signs(&request.model))
    else {
        return Ok(());
    };
    if first["thoughtSignature"].is_string() {
        return Ok(());
    }
    let name = first["functionCall"]["name"].as_str().unwrap_or_default();
    Err(bad(&format!(
        "Function call `default_api:{name}` in the {}. content block is missing a `thought_signature`.",
        position + 1
    )))
}

fn known(value: &Value, members: &[&str], path: &str) -> Result<(), BadRequest> {
    let unknown = value
        .as_object()
        .and_then(|object| object.keys().find(|key| !members.contains(&key.as_str())));
    let Some(unknown) = unknown else { return Ok(()) };
    let place = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
    Err(bad(&format!(
        "Invalid JSON payload received. Unknown name \"{unknown}\"{place}: Cannot find field."
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Delivery, Dialect};
    use serde_json::json;

    fn refused(model: &str, body: Value) -> Option<String> {
        let mut request = ModelRequest::blank(Dialect::Gemini, model, Delivery::Whole, &body);
        read(&body, &mut request).err().map(|bad| bad.0)
    }

    fn loop_of(call: Value, responses: Value) -> Value {
        json!({"contents": [{"role": "user", "parts": [{"text": "go"}]}, {"role": "model", "parts": [call]}, {"role": "user", "parts": responses}]})
    }

    #[test]
    fn what_the_vendor_refuses_is_refused() {
        let call = json!({"functionCall": {"name": "f", "args": {}}});
        let signed = |signature: &str| json!({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": signature});
        let answer = json!([{"functionResponse": {"name": "f", "response": {"output": "1"}}}]);
        let ours = format!("{SIGNATURE}x");
        assert_eq!(refused("gemini-2.5-pro", loop_of(call.clone(), answer.clone())), None);
        assert_eq!(refused("gemini-3-pro", loop_of(signed(&ours), answer.clone())), None);
        assert_eq!(
            refused("gemini-3-pro", loop_of(signed(VALIDATOR_SKIPPED), answer.clone())),
            None
        );
        for (model, body, says) in [
            (
                "gemini-3-pro",
                loop_of(call.clone(), answer.clone()),
                "missing a `thought_signature`",
            ),
            (
                "gemini-2.5-pro",
                loop_of(signed("foreign"), answer.clone()),
                "Corrupted thought signature",
            ),
            (
                "gemini-2.5-pro",
                loop_of(call.clone(), json!([{"text": "no"}])),
                "number of function response parts",
            ),
            (
                "gemini-2.5-pro",
                json!({"contents": [{"parts": [{"text": "a"}], "role": "assistant"}]}),
                "valid role",
            ),
            (
                "gemini-2.5-pro",
                json!({"contents": [{"parts": [{"text": "a", "cache": 1}], "role": "user"}]}),
                "Unknown name \"cache\"",
            ),
            ("gemini-2.5-pro", json!({"contents": [], "model": "m"}), "Unknown name \"model\""),
            ("gemini-2.5-pro", json!({"contents": []}), "contents is not specified"),
        ] {
            let refusal = refused(model, body.clone()).unwrap_or_default();
            assert!(refusal.contains(says), "{body}: {refusal}");
        }
    }
}
