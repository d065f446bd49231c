//! DeepSeek: its models think unless they are told not to, and while they do no tool can be forced
//! and a call of a tool comes back with its reasoning. Read on 2026-11-30:
//! api-docs.deepseek.com/guides/thinking_mode, deepseek-ai/DeepSeek-V3#1376, and which models see
//! images in the figures that litellm 1.110.2 collects.

use ainfera_schema::{ProviderKind, Reasoning, Taken};

use crate::model_table::{ForcedTools, ModelRow, NoThinking, ReasoningBack, UNKNOWN};

pub(super) const UNNAMED_REASONER: ModelRow = ModelRow {
    reasoning: Reasoning::Always,
    reasoning_refuses: &[
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "top_logprobs",
    ],
    efforts: &["none", "low", "high", "max"],
    forced_tools: ForcedTools::NotWhileThinking,
    images: Taken::No,
    source: "https://api-docs.deepseek.com/guides/thinking_mode",
    read_on: "2026-11-30",
    ..UNKNOWN
};

const THINKING: ModelRow = ModelRow { reasoning_back: ReasoningBack::Needed, ..UNNAMED_REASONER };

/// Those that do not think, and those whose names tell nothing.
pub(super) const PLAIN: ModelRow = ModelRow {
    images: Taken::No,
    source: "https://api-docs.deepseek.com/quick_start/pricing",
    read_on: "2026-11-30",
    ..UNKNOWN
};

/// Elsewhere it is the open weights that are served: nobody there takes an effort, and nothing is
/// wanted back.
const OPEN_WEIGHTS: ModelRow = ModelRow {
    at: &[ProviderKind::Together, ProviderKind::Groq, ProviderKind::Mistral],
    reasoning: Reasoning::Always,
    no_thinking: NoThinking::LowestEffort,
    source: "https://docs.together.ai/docs/reasoning-overview",
    ..PLAIN
};

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "deepseek-chat", ..PLAIN },
    ModelRow { series: "deepseek-coder", ..PLAIN },
    ModelRow { series: "deepseek-v3", ..PLAIN },
    ModelRow { series: "deepseek-v3-1", ..PLAIN },
    ModelRow { series: "deepseek-v3-2", ..PLAIN },
    ModelRow { series: "deepseek-r1", efforts: &[], ..UNNAMED_REASONER },
    ModelRow { series: "deepseek-reasoner", ..THINKING },
    ModelRow { series: "deepseek-v4", ..THINKING },
    ModelRow { series: "deepseek-v4-1", ..THINKING },
    ModelRow { series: "deepseek-v4-flash-vision", images: Taken::Yes, ..THINKING },
    ModelRow { series: "deepseek-flash", ..THINKING },
    // versions to come, taken for what is newest
    ModelRow { series: "deepseek", ..THINKING },
    ModelRow { series: "deepseek", ..OPEN_WEIGHTS },
];
