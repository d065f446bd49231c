//! What a model cannot do, as providers' refusals say it. Another model may take the same call.
//!
//! The phrases are data: each is a part of a refusal, in lower case. Sources: the vendors' error
//! references (Anthropic, OpenAI, Gemini, Mistral, xAI, Groq, Together, DeepSeek, OpenRouter) and
//! the error texts of vLLM, llama.cpp and Ollama, read in November 2026.

pub use ainfera_schema::Lack;

const WINDOW: [&str; 18] = [
    "context_length_exceeded",
    "context length exceeded",
    "maximum context length",
    "maximum prompt length",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input tokens exceed",
    "exceeds the maximum number of tokens",
    "exceeds the context window",
    "exceed context limit",
    "exceeds the available context size",
    "exceed_context_size_error",
    "too large for model with",
    "string_above_max_length",
    "reduce the length of the messages",
    "decrease input length",
    "longer than the maximum model length",
];

/// Each refusal names one of the subjects and one of the verdicts.
const UNABLE: [&str; 23] = [
    "not support",
    "unsupported",
    "does not accept",
    "doesn't accept",
    "cannot accept",
    "not available for this model",
    "not available on this model",
    "not allowed for this model",
    "not enabled for this model",
    "is deprecated for this model",
    "not permitted for this model",
    "no endpoints found that support",
    "cannot be used with this model",
    "can't be used with this model",
    "not compatible with this model",
    "only the default",
    "is allowed for this model",
    "only support",
    "must be explicitly set",
    "is not multimodal",
    "not a multimodal",
    "only supported by certain models",
    "only supported on certain models",
];

const ATTACHMENT: [&str; 13] = [
    "image",
    "vision",
    "pdf",
    "document",
    "audio",
    "video",
    "file input",
    "input_file",
    "multimodal",
    "multi-modal",
    "media",
    "attachment",
    "modalit",
];
const TOOLS: [&str; 5] =
    ["tool", "function call", "function-call", "functions", "parallel_tool_calls"];
const SCHEMA: [&str; 7] = [
    "response_format",
    "json_schema",
    "schema",
    "structured output",
    "output_format",
    "json mode",
    "json_object",
];
const EFFORT: [&str; 4] = ["effort", "reasoning", "thinking", "budget_tokens"];
const SAMPLING: [&str; 10] = [
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "logit_bias",
    "`n`",
    "prefill",
    "ending with a model turn",
];

/// "Not more than the model's limit" in the vendors' words.
const OUTPUT_LIMIT: [&str; 6] = [
    "max_tokens is too large",
    "maximum allowed number of output tokens",
    "supports at most",
    "must be less than or equal to",
    "max_completion_tokens is too large",
    "maxoutputtokens",
];

/// Whether the text says in so many words that a prompt does not fit a window.
pub(crate) fn names_window(text: &str) -> bool {
    WINDOW.iter().any(|phrase| text.contains(phrase))
}

/// What a refusal says that the model lacks. `text` is the error's body in lower case. `None`:
/// nothing of the kind, so the call itself is wrong.
pub(crate) fn lack_of(status: u16, text: &str) -> Option<Lack> {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
    // some engines answer a prompt that does not fit with a 500
    if matches!(status, 0 | 400 | 413 | 422 | 500) && names_window(text) {
        return Some(Lack::Window);
    }
    if !matches!(status, 0 | 400 | 404 | 413 | 415 | 422 | 501) {
        return None;
    }
    if says(&OUTPUT_LIMIT)
        && says(&["max_tokens", "max_completion_tokens", "max_output_tokens", "maxoutputtokens"])
    {
        return Some(Lack::OutputLimit);
    }
    if status == 413 {
        // the body of the request is too large for this provider's door: another may take it
        return Some(Lack::Window);
    }
    if !says(&UNABLE) {
        return None;
    }
    // the more special subject first: a schema of a tool is about tools
    [
        (Lack::Attachment, &ATTACHMENT[..]),
        (Lack::Effort, &EFFORT),
        (Lack::Sampling, &SAMPLING),
        (Lack::Tools, &TOOLS),
        (Lack::Schema, &SCHEMA),
    ]
    .into_iter()
    .find(|(_, subjects)| says(subjects))
    .map(|(lack, _)| lack)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status and words of a refusal, and what they say that the model lacks.
    const REFUSALS: &[(u16, &str, Option<Lack>)] = &[
        (400, "prompt is too long: 210000 tokens > 200000 maximum", Some(Lack::Window)),
        (400, "This model's maximum context length is 128000 tokens.", Some(Lack::Window)),
        (
            400,
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
            Some(Lack::Window),
        ),
        (
            400,
            "the request exceeds the available context size. try increasing the context size",
            Some(Lack::Window),
        ),
        (500, "the request exceeds the available context size", Some(Lack::Window)),
        (413, "Request exceeds the maximum size", Some(Lack::Window)),
        (400, "'claude-2' does not support tools.", Some(Lack::Tools)),
        (404, "No endpoints found that support tool use.", Some(Lack::Tools)),
        (404, "No endpoints found that support image input", Some(Lack::Attachment)),
        (400, "registry.ollama.ai/library/gemma does not support tools", Some(Lack::Tools)),
        (400, "Function calling is not enabled for this model", Some(Lack::Tools)),
        (
            400,
            "Invalid content type. image_url is only supported by certain models.",
            Some(Lack::Attachment),
        ),
        (
            400,
            "At most 0 image(s) may be provided; model is not a multimodal model",
            Some(Lack::Attachment),
        ),
        (
            400,
            "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
            Some(Lack::Attachment),
        ),
        (400, "`temperature` is deprecated for this model.", Some(Lack::Sampling)),
        (
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value",
            Some(Lack::Sampling),
        ),
        (
            400,
            "Unsupported parameter: 'top_p' is not supported with this model.",
            Some(Lack::Sampling),
        ),
        (400, "invalid temperature: only 1 is allowed for this model", Some(Lack::Sampling)),
        (400, "Requests ending with a model turn are not supported.", Some(Lack::Sampling)),
        (
            400,
            "tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
            Some(Lack::Tools),
        ),
        (400, "This model does not support the effort parameter.", Some(Lack::Effort)),
        (400, "Model grok-3 does not support parameter reasoningEffort.", Some(Lack::Effort)),
        (400, "This model does not support response format `json_schema`.", Some(Lack::Schema)),
        (
            400,
            "output_format.schema: For 'integer' type, property 'minimum' is not supported",
            Some(Lack::Schema),
        ),
        (
            400,
            "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude",
            Some(Lack::OutputLimit),
        ),
        (
            400,
            "max_tokens is too large: 40000. This model supports at most 16384 completion tokens",
            Some(Lack::OutputLimit),
        ),
        (400, "messages: at least one message is required", None),
        (400, "tool_use ids were found without tool_result blocks immediately after", None),
        (400, "temperature: range: 0..1", None),
        (401, "this model does not support tools", None),
        (429, "this model does not support tools", None),
    ];

    #[test]
    fn a_refusal_of_what_the_model_cannot_do_is_told_from_a_wrong_request() {
        for &(status, text, lack) in REFUSALS {
            assert_eq!(lack_of(status, &text.to_ascii_lowercase()), lack, "{status} {text}");
        }
    }
}
