//! What Anthropic's Messages API refuses, model by model, as its model pages and migration guides
//! publish it (November 2026).

use serde_json::Value;

/// One model's line of the published table.
struct Rule {
    /// What the model's name begins with.
    model: &'static str,
    /// The most tokens that an answer may have.
    most_output: u64,
    refuses: &'static [Refused],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// `temperature`, `top_p` and `top_k`.
    Sampling,
    /// `temperature` together with `top_p`.
    BothSamplings,
    Effort,
    /// A budget of thought.
    ThinkingEnabled,
    /// Thought as the model sees fit.
    ThinkingAdaptive,
    ThinkingDisabled,
    ThinkingBetweenTools,
    ForcedTools,
    Prefill,
}

use Refused::{
    BothSamplings, Effort, ForcedTools, Prefill, Sampling, ThinkingAdaptive, ThinkingBetweenTools,
    ThinkingDisabled, ThinkingEnabled,
};

const RULES: [Rule; 5] = [
    Rule {
        model: "claude-opus-5-5",
        most_output: 128_000,
        refuses: &[
            Sampling,
            ThinkingEnabled,
            ThinkingDisabled,
            ThinkingBetweenTools,
            ForcedTools,
            Prefill,
        ],
    },
    Rule {
        model: "claude-opus-4-7",
        most_output: 128_000,
        refuses: &[Sampling, ThinkingEnabled, ThinkingBetweenTools, Prefill],
    },
    Rule {
        model: "claude-sonnet-5-5",
        most_output: 128_000,
        refuses: &[Sampling, ThinkingEnabled, ThinkingDisabled, Prefill],
    },
    Rule {
        model: "claude-sonnet-5",
        most_output: 128_000,
        refuses: &[Sampling, ThinkingEnabled, ThinkingBetweenTools, Prefill],
    },
    Rule {
        model: "claude-haiku-4-5",
        most_output: 64_000,
        refuses: &[BothSamplings, Effort, ThinkingAdaptive, ThinkingBetweenTools],
    },
];

/// The message of the refusal, if the model refuses the request.
pub fn refusal(body: &Value) -> Option<String> {
    let model = body["model"].as_str().unwrap_or_default();
    let rule = RULES.iter().find(|rule| model.starts_with(rule.model));
    let own = rule.and_then(|rule| rule.refuses.iter().find_map(|refused| refused.message(body)));
    let too_long = rule.and_then(|rule| {
        let asked = body["max_tokens"].as_u64().filter(|asked| *asked > rule.most_output)?;
        Some(format!("max_tokens: {asked} > {}, which is the maximum allowed number of output tokens for {model}", rule.most_output))
    });
    own.or(too_long)
        .or_else(|| while_thinking(body))
        .or_else(|| blocks(body))
        .or_else(|| open_schema(&body["output_config"]["format"]["schema"]))
}

impl Refused {
    fn message(self, body: &Value) -> Option<String> {
        let has = |name: &str| body.get(name).is_some();
        let thinking = |kind: &str| body["thinking"]["type"] == kind;
        let (is_refused, message) = match self {
            Refused::Sampling => (
                ["temperature", "top_p", "top_k"].iter().any(|name| has(name)),
                "`temperature` is deprecated for this model.",
            ),
            Refused::BothSamplings => (
                has("temperature") && has("top_p"),
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            ),
            Refused::Effort => (
                !body["output_config"]["effort"].is_null(),
                "This model does not support the effort parameter.",
            ),
            Refused::ThinkingEnabled => (
                thinking("enabled"),
                "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and \"output_config.effort\" to \
                 control thinking behavior.",
            ),
            Refused::ThinkingAdaptive => {
                (thinking("adaptive"), "adaptive thinking is not supported on this model")
            }
            Refused::ThinkingDisabled => (
                thinking("disabled"),
                "\"thinking.type.disabled\" is not supported for this model.",
            ),
            Refused::ThinkingBetweenTools => (
                thinking("between_tools"),
                "\"thinking.type.between_tools\" is not supported for this model.",
            ),
            Refused::ForcedTools => (
                is_forced(body),
                "tool_choice: forced tool use is not supported for this model. Use tool_choice auto.",
            ),
            Refused::Prefill => (
                body["messages"]
                    .as_array()
                    .and_then(|all| all.last())
                    .is_some_and(|last| last["role"] == "assistant"),
                "This model does not support assistant message prefill. The conversation must end with a user message.",
            ),
        };
        is_refused.then(|| message.to_owned())
    }
}

fn is_forced(body: &Value) -> bool {
    matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool"))
}

fn while_thinking(body: &Value) -> Option<String> {
    let thinking = &body["thinking"];
    if !matches!(thinking["type"].as_str(), Some("enabled" | "adaptive")) {
        return None;
    }
    if is_forced(body) {
        return Some("Thinking may not be enabled when tool_choice forces tool use.".to_owned());
    }
    let budget = thinking["budget_tokens"].as_u64();
    if thinking["type"] == "enabled" && budget.is_none_or(|budget| budget < 1024) {
        return Some(
            "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
                .to_owned(),
        );
    }
    if budget.is_some_and(|budget| body["max_tokens"].as_u64().is_some_and(|most| budget >= most)) {
        return Some("`max_tokens` must be greater than `thinking.budget_tokens`.".to_owned());
    }
    let is_hot =
        body.get("temperature").is_some_and(|temperature| temperature.as_f64() != Some(1.0));
    is_hot.then(|| "`temperature` may only be set to 1 when thinking is enabled.".to_owned())
}

/// What is given back must be what this vendor made.
fn blocks(body: &Value) -> Option<String> {
    if body["temperature"].as_f64().is_some_and(|temperature| temperature > 1.0) {
        return Some("temperature: range: 0..1".to_owned());
    }
    let is_word = |id: &str| {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let messages = body["messages"].as_array().into_iter().flatten();
    for block in messages.flat_map(|message| message["content"].as_array().into_iter().flatten()) {
        match block["type"].as_str() {
            Some("tool_use") if !block["id"].as_str().is_some_and(is_word) => {
                return Some("messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'".to_owned());
            }
            Some("thinking") if block["signature"] != crate::anthropic::SIGNATURE => {
                return Some(
                    "messages.1.content.0: Invalid `signature` in `thinking` block".to_owned(),
                );
            }
            _ => {}
        }
    }
    None
}

/// An answer's schema closes every object, and bounds no number.
fn open_schema(schema: &Value) -> Option<String> {
    let members = schema.as_object()?;
    if members.get("type").is_some_and(|kind| kind == "object")
        && members.get("additionalProperties") != Some(&Value::Bool(false))
    {
        return Some("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned());
    }
    if let Some(bound) = ["minimum", "maximum", "maxLength", "minLength"]
        .iter()
        .find(|bound| members.contains_key(**bound))
    {
        return Some(format!("output_config.format.schema: property '{bound}' is not supported"));
    }
    members
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|all| all.values())
        .find_map(open_schema)
}
