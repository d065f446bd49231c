//! Claude, wherever it is served. Read on 2026-11-30 on platform.claude.com: the models' overviews,
//! "What's new" and migration guides (`/docs/en/models/<model>/…`), and the guides on thinking,
//! effort and structured outputs. Instructions between the turns are taken since Opus 4.8; of the
//! other families it is not verified (mid-conversation system messages, and LeenHawk/gproxy#209 for
//! Opus 5). That a tool's schema has no combinations at its top is from the
//! API's refusals (anthropics/claude-code#5319).

use ainfera_schema::{Reasoning, Sampling, Taken};

use crate::model_table::{
    AnswerSchema, ForcedTools, ModelRow, NoThinking, ThinkingForm, UNKNOWN, UP_TO_HIGH,
};

const UP_TO_MAX: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const WITHOUT_XHIGH: &[&str] = &["low", "medium", "high", "max"];

const CLAUDE: ModelRow = ModelRow {
    combined_tool_schemas: Taken::No,
    answer_schema: AnswerSchema::ClosedAndUnbounded,
    thinking: ThinkingForm::Budget,
    source: "https://platform.claude.com/docs/en/about-claude/models/overview",
    read_on: "2026-11-30",
    ..UNKNOWN
};

/// A Claude whose name tells nothing, and the scripted provider's models.
pub(super) static UNNAMED: ModelRow =
    ModelRow { thinking: ThinkingForm::Either, efforts: UP_TO_MAX, ..CLAUDE };

const BEFORE_THINKING: ModelRow = ModelRow { thinking: ThinkingForm::Never, ..CLAUDE };

/// `temperature` or `top_p`.
const CLAUDE_4_5: ModelRow =
    ModelRow { sampling: Sampling::OneOfTwo, max_output_tokens: Some(64_000), ..CLAUDE };

/// The first without prefill, and with thinking as the model sees fit.
const CLAUDE_4_6: ModelRow = ModelRow {
    efforts: WITHOUT_XHIGH,
    default_effort: Some("high"),
    thinking: ThinkingForm::Either,
    prefill: Taken::No,
    max_output_tokens: Some(128_000),
    ..CLAUDE_4_5
};

/// The first without sampling and budgets.
const CLAUDE_4_7: ModelRow = ModelRow {
    series: "claude-opus-4-7",
    sampling: Sampling::None,
    efforts: UP_TO_MAX,
    thinking: ThinkingForm::Adaptive,
    source: "https://platform.claude.com/docs/en/about-claude/models/migration-guide",
    ..CLAUDE_4_6
};

/// They think unless they are told not to.
const CLAUDE_5: ModelRow = ModelRow { reasoning: Reasoning::Always, ..CLAUDE_4_7 };

/// Thinking cannot be turned off, and no tool can be forced.
const ALWAYS_THINKING: ModelRow = ModelRow {
    series: "claude-opus-5-5",
    default_effort: Some("medium"),
    no_thinking: NoThinking::LowestEffort,
    forced_tools: ForcedTools::Refused,
    source: "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5",
    ..CLAUDE_5
};

const OPUS_5_5: ModelRow = ModelRow { instructions_midway: Taken::Yes, ..ALWAYS_THINKING };

const SONNET_5_5: ModelRow = ModelRow {
    series: "claude-sonnet-5-5",
    no_thinking: NoThinking::BetweenTools,
    forced_tools: ForcedTools::Refused,
    source: "https://platform.claude.com/docs/en/models/sonnet-5-5/whats-new-sonnet-5-5",
    ..CLAUDE_5
};

const HAIKU_5_5: ModelRow = ModelRow {
    series: "claude-haiku-5-5",
    default_effort: Some("medium"),
    no_thinking: NoThinking::DisabledUpToHigh,
    source: "https://platform.claude.com/docs/en/models/haiku-5-5/whats-new-haiku-5-5",
    ..CLAUDE_5
};

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "claude-3-haiku", max_output_tokens: Some(4_096), ..BEFORE_THINKING },
    ModelRow { series: "claude-3-opus", max_output_tokens: Some(4_096), ..BEFORE_THINKING },
    ModelRow { series: "claude-3-sonnet", max_output_tokens: Some(4_096), ..BEFORE_THINKING },
    ModelRow { series: "claude-3-5-haiku", max_output_tokens: Some(8_192), ..BEFORE_THINKING },
    ModelRow { series: "claude-3-5-sonnet", max_output_tokens: Some(8_192), ..BEFORE_THINKING },
    ModelRow { series: "claude-3-7-sonnet", max_output_tokens: Some(64_000), ..CLAUDE },
    ModelRow { series: "claude-sonnet-4", max_output_tokens: Some(64_000), ..CLAUDE },
    ModelRow { series: "claude-opus-4", max_output_tokens: Some(32_000), ..CLAUDE },
    ModelRow {
        series: "claude-opus-4-1",
        sampling: Sampling::OneOfTwo,
        max_output_tokens: Some(32_000),
        ..CLAUDE
    },
    ModelRow { series: "claude-haiku-4-5", ..CLAUDE_4_5 },
    ModelRow { series: "claude-sonnet-4-5", ..CLAUDE_4_5 },
    ModelRow {
        series: "claude-opus-4-5",
        efforts: UP_TO_HIGH,
        default_effort: Some("high"),
        ..CLAUDE_4_5
    },
    ModelRow { series: "claude-sonnet-4-6", ..CLAUDE_4_6 },
    ModelRow { series: "claude-opus-4-6", ..CLAUDE_4_6 },
    CLAUDE_4_7,
    ModelRow { series: "claude-opus-4-8", instructions_midway: Taken::Yes, ..CLAUDE_4_7 },
    ModelRow {
        series: "claude-opus-5",
        instructions_midway: Taken::Yes,
        no_thinking: NoThinking::DisabledUpToHigh,
        source: "https://platform.claude.com/docs/en/about-claude/models/whats-new-opus-5",
        ..CLAUDE_5
    },
    ModelRow { series: "claude-sonnet-5", ..CLAUDE_5 },
    ModelRow { series: "claude-fable-5", ..CLAUDE_5 },
    ModelRow { series: "claude-mythos-5", ..CLAUDE_5 },
    OPUS_5_5,
    ModelRow { series: "claude-fable-5-1", ..ALWAYS_THINKING },
    ModelRow { series: "claude-fable-5-2", default_effort: Some("high"), ..ALWAYS_THINKING },
    ModelRow { series: "claude-mythos-5-1", ..ALWAYS_THINKING },
    ModelRow { series: "claude-mythos-5-2", ..ALWAYS_THINKING },
    SONNET_5_5,
    HAIKU_5_5,
    // versions to come, taken for what is newest of their family
    ModelRow { series: "claude-opus-*", ..OPUS_5_5 },
    ModelRow { series: "claude-fable-*", ..ALWAYS_THINKING },
    ModelRow { series: "claude-mythos-*", ..ALWAYS_THINKING },
    ModelRow { series: "claude-sonnet-*", ..SONNET_5_5 },
    ModelRow { series: "claude-haiku-*", ..HAIKU_5_5 },
];
