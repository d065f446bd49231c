//! OpenAI's models, wherever they are served. Read on 2026-11-30: the model pages and "Using GPT-6"
//! of developers.openai.com, the reference's list of efforts (`none` is for 5.1 and later, `xhigh`
//! for what came after 5.1-codex-max), the figures that litellm 1.110.2 collects, and the refusals
//! that users report (`Supported values are: …`). What the pro models take is not verified.

use ainfera_schema::{Reasoning, Taken};

use crate::model_table::{
    AnswerSchema, ChatCompletions, ModelRow, NoThinking, UNKNOWN, UP_TO_HIGH,
};

const UP_TO_XHIGH: &[&str] = &["low", "medium", "high", "xhigh"];
const UP_TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const NONE_TO_XHIGH: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const NONE_TO_MAX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const PRO: &[&str] = &["medium", "high", "xhigh"];

/// Those that do not reason, and those whose names tell nothing.
pub(super) const UNNAMED: ModelRow = ModelRow {
    combined_tool_schemas: Taken::No,
    answer_schema: AnswerSchema::StrictOrLoose,
    source: "https://developers.openai.com/api/docs/models",
    read_on: "2026-11-30",
    ..UNKNOWN
};

pub(super) const UNNAMED_REASONER: ModelRow = ModelRow {
    reasoning: Reasoning::Always,
    refuses: &["stop", "presence_penalty", "frequency_penalty", "logit_bias"],
    reasoning_refuses: &["temperature", "top_p", "logprobs", "top_logprobs"],
    efforts: UP_TO_HIGH,
    default_effort: Some("medium"),
    no_thinking: NoThinking::LowestEffort,
    source: "https://developers.openai.com/api/docs/guides/reasoning",
    ..UNNAMED
};

const RESPONSES_ONLY: ModelRow =
    ModelRow { chat_completions: ChatCompletions::Refused, ..UNNAMED_REASONER };

/// From 5.4 on, tools go over Responses only.
const GPT_5_4: ModelRow = ModelRow {
    series: "gpt-5-4",
    efforts: NONE_TO_XHIGH,
    chat_completions: ChatCompletions::WithoutTools,
    max_output_tokens: Some(128_000),
    ..UNNAMED_REASONER
};

const GPT_5_6: ModelRow = ModelRow {
    series: "gpt-5-6",
    efforts: NONE_TO_MAX,
    source: "https://developers.openai.com/api/docs/guides/latest-model",
    ..GPT_5_4
};

/// They cannot do without reasoning.
const GPT_6_ASTRA: ModelRow = ModelRow { series: "gpt-6-astra", efforts: UP_TO_MAX, ..GPT_5_6 };

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "gpt-3-5", images: Taken::No, ..UNNAMED },
    ModelRow { series: "gpt-4", ..UNNAMED },
    ModelRow { series: "gpt-4o", max_output_tokens: Some(16_384), ..UNNAMED },
    ModelRow { series: "gpt-4-1", max_output_tokens: Some(32_768), ..UNNAMED },
    ModelRow { series: "gpt-4-5", ..UNNAMED },
    ModelRow { series: "chatgpt-4o", ..UNNAMED },
    ModelRow { series: "gpt-*chat", max_output_tokens: Some(16_384), ..UNNAMED },
    ModelRow { series: "o1", ..UNNAMED_REASONER },
    ModelRow { series: "o3", ..UNNAMED_REASONER },
    ModelRow { series: "o3-mini", images: Taken::No, ..UNNAMED_REASONER },
    ModelRow { series: "o4", ..UNNAMED_REASONER },
    ModelRow { series: "o1-pro", ..RESPONSES_ONLY },
    ModelRow { series: "o3-pro", ..RESPONSES_ONLY },
    ModelRow { series: "o3-deep-research", ..RESPONSES_ONLY },
    ModelRow { series: "o4-mini-deep-research", ..RESPONSES_ONLY },
    ModelRow { series: "codex", ..RESPONSES_ONLY },
    ModelRow {
        series: "gpt-5",
        efforts: &["minimal", "low", "medium", "high"],
        max_output_tokens: Some(128_000),
        ..UNNAMED_REASONER
    },
    ModelRow {
        series: "gpt-5-1",
        efforts: &["none", "low", "medium", "high"],
        default_effort: Some("none"),
        max_output_tokens: Some(128_000),
        ..UNNAMED_REASONER
    },
    ModelRow {
        series: "gpt-5-2",
        efforts: NONE_TO_XHIGH,
        default_effort: Some("none"),
        max_output_tokens: Some(128_000),
        ..UNNAMED_REASONER
    },
    GPT_5_4,
    ModelRow { series: "gpt-5-5", ..GPT_5_4 },
    GPT_5_6,
    GPT_6_ASTRA,
    ModelRow { series: "gpt-6-rosalind", ..GPT_6_ASTRA },
    ModelRow { series: "gpt-6", ..GPT_5_6 },
    ModelRow { series: "gpt-6-1", ..GPT_5_6 },
    ModelRow { series: "gpt-6-1-sol", ..GPT_6_ASTRA },
    // whether these do without reasoning is not verified; no `none` is safe for both
    ModelRow { series: "gpt-6-2", ..GPT_6_ASTRA },
    ModelRow { series: "gpt-*codex", efforts: UP_TO_XHIGH, ..RESPONSES_ONLY },
    ModelRow { series: "gpt-5-codex", efforts: UP_TO_HIGH, ..RESPONSES_ONLY },
    ModelRow { series: "gpt-5-1-codex", efforts: UP_TO_HIGH, ..RESPONSES_ONLY },
    ModelRow { series: "gpt-5-1-codex-max", efforts: UP_TO_XHIGH, ..RESPONSES_ONLY },
    ModelRow { series: "gpt-*pro", efforts: PRO, ..RESPONSES_ONLY },
    ModelRow {
        series: "gpt-5-pro",
        efforts: &["high"],
        default_effort: Some("high"),
        ..RESPONSES_ONLY
    },
    // versions to come, taken for what is newest
    ModelRow { series: "gpt-*", ..GPT_6_ASTRA },
];
