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
    EffortXhigh,
    EffortMax,
    /// An effort above `high` without thought.
    HighestWithoutThought,
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
    BothSamplings, Effort, EffortMax, EffortXhigh, ForcedTools, HighestWithoutThought, Prefill,
    Sampling, ThinkingAdaptive, ThinkingBetweenTools, ThinkingDisabled, ThinkingEnabled,
};

const SINCE_4_7: &[Refused] = &[Sampling, ThinkingEnabled, ThinkingBetweenTools, Prefill];
const ALWAYS_THINKING: &[Refused] =
    &[Sampling, ThinkingEnabled, ThinkingDisabled, ThinkingBetweenTools, ForcedTools, Prefill];
const OPUS_5: &[Refused] =
    &[Sampling, ThinkingEnabled, ThinkingBetweenTools, Prefill, HighestWithoutThought];
const OF_4_5: &[Refused] = &[BothSamplings, Effort, ThinkingAdaptive, ThinkingBetweenTools];
const OF_4_6: &[Refused] = &[BothSamplings, EffortXhigh, ThinkingBetweenTools, Prefill];

const fn rule(model: &'static str, most_output: u64, refuses: &'static [Refused]) -> Rule {
    Rule { model, most_output, refuses }
}

/// The first line that fits counts.
const RULES: [Rule; 20] = [
    rule("claude-opus-5-5", 128_000, ALWAYS_THINKING),
    rule("claude-opus-5", 128_000, OPUS_5),
    rule("claude-opus-4-8", 128_000, SINCE_4_7),
    rule("claude-opus-4-7", 128_000, SINCE_4_7),
    rule("claude-opus-4-6", 128_000, OF_4_6),
    rule(
        "claude-opus-4-5",
        64_000,
        &[BothSamplings, EffortXhigh, EffortMax, ThinkingAdaptive, ThinkingBetweenTools],
    ),
    rule("claude-opus-4-1", 32_000, OF_4_5),
    rule("claude-fable-5-1", 128_000, ALWAYS_THINKING),
    rule("claude-fable-5-2", 128_000, ALWAYS_THINKING),
    rule("claude-fable-5", 128_000, SINCE_4_7),
    rule("claude-mythos-5-1", 128_000, ALWAYS_THINKING),
    rule("claude-mythos-5", 128_000, SINCE_4_7),
    rule(
        "claude-sonnet-5-5",
        128_000,
        &[Sampling, ThinkingEnabled, ThinkingDisabled, ForcedTools, Prefill, HighestWithoutThought],
    ),
    rule("claude-sonnet-5", 128_000, SINCE_4_7),
    rule("claude-sonnet-4-6", 128_000, OF_4_6),
    rule("claude-sonnet-4-5", 64_000, OF_4_5),
    rule("claude-haiku-5-5", 128_000, OPUS_5),
    rule("claude-haiku-4-5", 64_000, OF_4_5),
    rule("claude-3-5", 8_192, &[Effort, ThinkingAdaptive, ThinkingEnabled, ThinkingBetweenTools]),
    rule("claude-3-", 4_096, &[Effort, ThinkingAdaptive, ThinkingEnabled, ThinkingBetweenTools]),
];

/// The message of the refusal, if the model refuses the request.
pub(super) fn refusal(body: &Value) -> Option<String> {
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
        .or_else(|| wrong_tool(body))
}

/// The top of a tool's schema is an object and combines nothing; a strict one is closed as the
/// schema of an answer is.
fn wrong_tool(body: &Value) -> Option<String> {
    let tools = body["tools"].as_array()?;
    tools.iter().enumerate().find_map(|(index, tool)| {
        let schema = tool.get("input_schema")?;
        let place = format!("tools.{index}.custom.input_schema");
        if ["oneOf", "allOf", "anyOf"].iter().any(|keyword| schema.get(*keyword).is_some()) {
            return Some(format!(
                "{place}: input_schema does not support oneOf, allOf, or anyOf at the top level"
            ));
        }
        if schema["type"] != "object" {
            return Some(format!("{place}.type: Field required"));
        }
        open_schema(schema).filter(|_| tool["strict"] == true)
    })
}

impl Refused {
    fn message(self, body: &Value) -> Option<String> {
        let has = |name: &str| body.get(name).is_some();
        let thinking = |kind: &str| body["thinking"]["type"] == kind;
        let effort = body["output_config"]["effort"].as_str();
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
            Refused::EffortXhigh => (
                effort == Some("xhigh"),
                "output_config.effort: 'xhigh' is not supported on this model",
            ),
            Refused::EffortMax => (
                effort == Some("max"),
                "output_config.effort: 'max' is not supported on this model",
            ),
            Refused::HighestWithoutThought => (
                (thinking("disabled") || thinking("between_tools"))
                    && matches!(effort, Some("xhigh" | "max")),
                "thinking cannot be turned off with an effort above 'high' on this model",
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
    if let Some(bound) = UNSUPPORTED.iter().find(|bound| members.contains_key(**bound)) {
        return Some(format!("output_config.format.schema: property '{bound}' is not supported"));
    }
    let named =
        ["properties", "$defs"].into_iter().filter_map(|name| members.get(name)?.as_object());
    let listed = ["anyOf", "allOf"].into_iter().filter_map(|name| members.get(name)?.as_array());
    let mut inner =
        named.flat_map(|all| all.values()).chain(listed.flatten()).chain(members.get("items"));
    inner.find_map(open_schema)
}

/// Keywords that structured outputs do not take.
const UNSUPPORTED: [&str; 15] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "maxLength",
    "minLength",
    "maxItems",
    "uniqueItems",
    "oneOf",
    "not",
    "if",
    "patternProperties",
    "minProperties",
    "dependentRequired",
];
