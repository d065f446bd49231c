//! A call in each client dialect: as small as it can be, streamed, with usage and reasoning asked
//! for.

use ainfera_wire::client::{
    AnswerNames, Call, ClientDialect, ClientHeaders, GeminiForm, GeminiTarget,
};
use ainfera_wire::error::BadRequest;
use bytes::Bytes;

/// Every dialect in which the gateway can be spoken to.
pub const DIALECTS: [ClientDialect; 5] = [
    ClientDialect::Messages,
    ClientDialect::Chat,
    ClientDialect::Responses,
    ClientDialect::Inference,
    ClientDialect::Gemini,
];

/// What the caller calls the model; answers must name it, and never the provider's name.
pub const MODEL: &str = "the-model";

/// As it stands in tables and on the command line.
pub fn name(dialect: ClientDialect) -> &'static str {
    match dialect {
        ClientDialect::Messages => "messages",
        ClientDialect::Chat => "chat",
        ClientDialect::Responses => "responses",
        ClientDialect::Inference => "inference",
        ClientDialect::Gemini => "gemini",
    }
}

/// The path and the body of a call.
pub fn request(dialect: ClientDialect) -> (&'static str, &'static str) {
    match dialect {
        ClientDialect::Messages => (
            "/v1/messages",
            r#"{"model":"the-model","max_tokens":4096,"stream":true,"thinking":{"type":"enabled","budget_tokens":2048},"messages":[{"role":"user","content":"go on"}],"tools":[{"name":"any","input_schema":{"type":"object"}}]}"#,
        ),
        ClientDialect::Chat => (
            "/v1/chat/completions",
            r#"{"model":"the-model","max_completion_tokens":4096,"stream":true,"stream_options":{"include_usage":true},"reasoning_effort":"low","messages":[{"role":"user","content":"go on"}],"tools":[{"type":"function","function":{"name":"any","parameters":{"type":"object"}}}]}"#,
        ),
        ClientDialect::Responses => (
            "/v1/responses",
            r#"{"model":"the-model","max_output_tokens":4096,"stream":true,"reasoning":{"effort":"low","summary":"auto"},"input":"go on","tools":[{"type":"function","name":"any","parameters":{"type":"object"}}]}"#,
        ),
        ClientDialect::Gemini => (
            "/v1beta/models/the-model:streamGenerateContent?alt=sse",
            r#"{"generationConfig":{"maxOutputTokens":4096,"thinkingConfig":{"includeThoughts":true,"thinkingBudget":2048}},"contents":[{"role":"user","parts":[{"text":"go on"}]}],"tools":[{"functionDeclarations":[{"name":"any","parametersJsonSchema":{"type":"object"}}]}]}"#,
        ),
        ClientDialect::Inference => (
            "/v1/inference",
            r#"{"model":"the-model","max_tokens":4096,"messages":[{"role":"user","content":"go on"}],"tools":[{"type":"function","function":{"name":"any","parameters":{"type":"object"}}}]}"#,
        ),
    }
}

/// The call, parsed.
pub fn call(dialect: ClientDialect) -> Result<Call, BadRequest> {
    parse(dialect, Bytes::from_static(request(dialect).1.as_bytes()))
}

/// Any body in a dialect, parsed as the gateway does.
pub fn parse(dialect: ClientDialect, body: Bytes) -> Result<Call, BadRequest> {
    let estimate = |text: &str| (text.len() / 4) as u64;
    match dialect {
        ClientDialect::Messages => Call::from_messages(body, ClientHeaders::default(), &estimate),
        ClientDialect::Chat => Call::from_chat(body, ClientHeaders::default(), &estimate),
        ClientDialect::Inference => Call::from_inference(body, ClientHeaders::default(), &estimate),
        ClientDialect::Gemini => {
            let target = GeminiTarget { model: MODEL.to_owned(), form: GeminiForm::Events };
            Call::from_gemini(body, target, ClientHeaders::default(), &estimate)
        }
        ClientDialect::Responses => Call::from_responses(body, ClientHeaders::default(), &estimate),
    }
}

/// Names as the gateway would give them.
pub fn names(call: &Call) -> AnswerNames {
    AnswerNames {
        request_id: "req_000000000000000000000001".to_owned(),
        digits: "000000000000000000000001".to_owned(),
        model: MODEL.to_owned(),
        agent_id: "agent".to_owned(),
        inference_id: "inference".to_owned(),
        receipt_id: "receipt".to_owned(),
        created_s: 1_790_000_000,
        estimated_input_tokens: call.estimated_input_tokens,
        coercions: Default::default(),
    }
}
