//! What Anthropic's Messages API refuses, model by model, as its model pages and migration guides publish it (November 2026).

use serde_json::Value;

/// One model's line of the published table.
struct Rule {
    /// What the model's name begins with.
    model: &'static str,
    refuses: &'static [Refused],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// `temperature`, `top_p` and `top_k`.
    Sampling,
    /// `temperature` together with `top_p`.
    BothSamplings,
    Effort,
    ThinkingDisabled,
    ForcedTools,
    Prefill,
}

const RULES: [Rule; 5] = [
    Rule { model: "claude-opus-5-5", refuses: &[Refused::Sampling, Refused::ThinkingDisabled, Refused::ForcedTools, Refused::Prefill] },
    Rule { model: "claude-opus-4-7", refuses: &[Refused::Sampling, Refused::Prefill] },
    Rule { model: "claude-sonnet-5-5", refuses: &[Refused::Sampling, Refused::ThinkingDisabled, Refused::Prefill] },
    Rule { model: "claude-sonnet-5", refuses: &[Refused::Sampling, Refused::Prefill] },
    Rule { model: "claude-haiku-4-5", refuses: &[Refused::BothSamplings, Refused::Effort] },
];

/// The message of the refusal, if the model refuses the request.
pub fn refusal(body: &Value) -> Option<String> {
    let model = body["model"].as_str().unwrap_or_default();
    let rule = RULES.iter().find(|rule| model.starts_with(rule.model));
    let own = rule.and_then(|rule| rule.refuses.iter().find_map(|refused| refused.message(body)));
    own.or_else(|| forced_while_thinking(body)).or_else(|| open_schema(&body["output_config"]["format"]["schema"]))
}

impl Refused {
    fn message(self, body: &Value) -> Option<String> {
        let has = |name: &str| body.get(name).is_some();
        let (is_refused, message) = match self {
            Refused::Sampling => {
                (["temperature", "top_p", "top_k"].iter().any(|name| has(name)), "`temperature` is deprecated for this model.")
            }
            Refused::BothSamplings => (
                has("temperature") && has("top_p"),
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            ),
            Refused::Effort => (!body["output_config"]["effort"].is_null(), "This model does not support the effort parameter."),
            Refused::ThinkingDisabled => {
                (body["thinking"]["type"] == "disabled", "\"thinking.type.disabled\" is not supported for this model.")
            }
            Refused::ForcedTools => {
                (is_forced(body), "tool_choice: forced tool use is not supported for this model. Use tool_choice auto.")
            }
            Refused::Prefill => (
                body["messages"].as_array().and_then(|all| all.last()).is_some_and(|last| last["role"] == "assistant"),
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            ),
        };
        is_refused.then(|| message.to_owned())
    }
}

fn is_forced(body: &Value) -> bool {
    matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool"))
}

fn forced_while_thinking(body: &Value) -> Option<String> {
    let thinks = matches!(body["thinking"]["type"].as_str(), Some("enabled" | "adaptive"));
    (thinks && is_forced(body)).then(|| "Thinking may not be enabled when tool_choice forces tool use.".to_owned())
}

/// An answer's schema closes every object, and bounds no number.
fn open_schema(schema: &Value) -> Option<String> {
    let members = schema.as_object()?;
    if members.get("type").is_some_and(|kind| kind == "object") && members.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Some("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    if let Some(bound) = ["minimum", "maximum", "maxLength", "minLength"].iter().find(|bound| members.contains_key(**bound)) {
        return Some(format!("output_config.format.schema: property '{bound}' is not supported"));
    }
    members.get("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.values()).find_map(open_schema)
}
