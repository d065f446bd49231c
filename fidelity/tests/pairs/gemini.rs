//! Every field that Google documents for `POST /v1beta/models/{model}:generateContent`.

use serde_json::{Value, json};

use crate::edit::{Documented, Field, field};

pub fn documented() -> Documented {
    let mut fields = members();
    fields.extend(config());
    fields.extend(parts());
    fields.extend(tools());
    Documented::of(base(), fields)
}

fn base() -> Value {
    json!({
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hello"}]},
            {"role": "model", "parts": [
                {"text": "well"}, {"functionCall": {"id": "call_1", "name": "look", "args": {"at": "it"}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "call_1", "name": "look", "response": {"output": "seen"}}},
            ]},
            {"role": "model", "parts": [{"text": "so"}]},
            {"role": "user", "parts": [{"text": "go on"}]},
        ],
        "tools": [{"functionDeclarations": [
            {"name": "look", "parameters": {"type": "OBJECT", "properties": {"at": {"type": "STRING"}}}},
        ]}],
        "generationConfig": {"maxOutputTokens": 4000},
    })
}

fn members() -> Vec<Field> {
    vec![
        field("systemInstruction.parts.0.text", json!("mark-instructions")),
        field(
            "safetySettings",
            json!([{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]),
        ),
        field("cachedContent", json!("cachedContents/mark-cache")),
        field("labels", json!({"team": "mark-team"})),
        field("store", json!(false)),
        field("serviceTier", json!("flex")),
        field("toolConfig.functionCallingConfig.mode", json!("AUTO")).met_by_silence(),
        field("toolConfig.functionCallingConfig.mode", json!("ANY")),
        field("toolConfig.functionCallingConfig.mode", json!("NONE")),
        field("toolConfig.functionCallingConfig.mode", json!("VALIDATED")),
        field("toolConfig.retrievalConfig.languageCode", json!("mark-language")),
        field("new_member", json!("mark-new")),
    ]
}

fn config() -> Vec<Field> {
    let at = |path: &str, value: Value| field(&format!("generationConfig.{path}"), value);
    let schema = json!({"type": "object", "title": "mark-schema"});
    vec![
        at("maxOutputTokens", json!(4243)),
        at("temperature", json!(0.4242)),
        at("temperature", json!(1.4242)),
        at("topP", json!(0.9191)),
        at("topK", json!(37)),
        at("stopSequences", json!(["mark-stop"])),
        at("candidateCount", json!(1)).met_by_silence(),
        at("seed", json!(4245)),
        at("presencePenalty", json!(0.3131)),
        at("frequencyPenalty", json!(0.3232)),
        at("responseLogprobs", json!(true)),
        at("logprobs", json!(3)),
        at("mediaResolution", json!("MEDIA_RESOLUTION_LOW")),
        at("audioTimestamp", json!(true)),
        at("enableEnhancedCivicAnswers", json!(true)),
        at("responseMimeType", json!("text/plain")).met_by_silence(),
        at("responseMimeType", json!("application/json")),
        at("responseMimeType", json!("text/x.enum")),
        at("responseModalities", json!(["TEXT"])).met_by_silence(),
        at("responseModalities", json!(["IMAGE"])),
        at("speechConfig", json!({"languageCode": "mark-speech"})),
        at("imageConfig", json!({"aspectRatio": "mark-ratio"})),
        at("thinkingConfig.includeThoughts", json!(true)),
        at("thinkingConfig.thinkingBudget", json!(2049)),
        at("thinkingConfig.thinkingBudget", json!(0)).met_by_silence(),
        at("thinkingConfig.thinkingBudget", json!(-1)).met_by_silence(),
        at("thinkingConfig.thinkingLevel", json!("LOW")),
        at("newMember", json!("mark-new-config")),
        field("generationConfig.responseJsonSchema", schema)
            .needing("generationConfig.responseMimeType"),
    ]
}

const PICTURE: &str = "iVBORw0KGgo=";

fn parts() -> Vec<Field> {
    let last = |part: Value| field("contents.4.parts.1", part);
    vec![
        field("contents.0.parts.0.text", json!("mark-text")),
        last(json!({"text": "mark-more"})),
        last(json!({"inlineData": {"mimeType": "image/png", "data": PICTURE}})),
        last(json!({"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0xLjQ="}})),
        last(json!({"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}})),
        last(
            json!({"fileData": {"mimeType": "image/png", "fileUri": "https://a.example/mark-file"}}),
        ),
        last(
            json!({"fileData": {"mimeType": "video/mp4", "fileUri": "https://a.example/mark-film"}}),
        ),
        last(json!({"executableCode": {"language": "PYTHON", "code": "mark-code"}})),
        last(json!({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "mark-result"}})),
        last(json!({"text": "x", "videoMetadata": {"fps": 3}})),
        field("contents.1.parts.0.thoughtSignature", json!("bWFyay1zaWduYXR1cmU=")),
        field("contents.1.parts.1.thoughtSignature", json!("bWFyay1jYWxs")),
        field("contents.3.parts.1", json!({"text": "mark-thought", "thought": true})),
        field("contents.1.parts.1.functionCall.args.at", json!("mark-argument")),
        field("contents.2.parts.0.functionResponse.response", json!({"output": "mark-output"})),
        field("contents.2.parts.0.functionResponse.response", json!({"error": "mark-error"})),
        field("contents.2.parts.0.functionResponse.response", json!({"rows": ["mark-row"]})),
        field("contents.2.parts.0.functionResponse.scheduling", json!("SILENT")),
    ]
}

fn tools() -> Vec<Field> {
    let function =
        |name: &str, value: Value| field(&format!("tools.0.functionDeclarations.0.{name}"), value);
    vec![
        function("description", json!("mark-description")),
        function("parameters.properties.at.description", json!("mark-parameter")),
        function("response", json!({"type": "STRING", "title": "mark-response"})),
        function("behavior", json!("BLOCKING")),
        field("tools.1", json!({"googleSearch": {}})),
        field("tools.1", json!({"codeExecution": {}})),
        field("tools.1", json!({"urlContext": {}})),
    ]
}
