//! Moonshot's Kimi. Read on 2026-11-30: platform.kimi.ai's model overview and its guides to
//! thinking models and efforts, and what migrating users met (dev.to/aihubmix, "Kimi K3.1 Pro
//! Migration Guide": sampling other than the default is a 400, and so is thinking turned off).

use ainfera_schema::{ProviderKind, Reasoning, Sampling};

use crate::model_table::{ForcedTools, ModelRow, NoThinking, ReasoningBack, UNKNOWN};

const KIMI: ModelRow = ModelRow {
    source: "https://platform.kimi.ai/docs/api/models-overview",
    read_on: "2026-11-30",
    ..UNKNOWN
};

/// It thinks unless it is told not to, which is no effort; no effort is taken.
const KIMI_K2_5: ModelRow = ModelRow {
    series: "kimi-k2-5",
    reasoning: Reasoning::Always,
    sampling: Sampling::None,
    refuses: &["presence_penalty", "frequency_penalty"],
    no_thinking: NoThinking::LowestEffort,
    forced_tools: ForcedTools::NotWhileThinking,
    reasoning_back: ReasoningBack::Needed,
    ..KIMI
};

/// It thinks always.
const KIMI_K3: ModelRow = ModelRow {
    series: "kimi-k3",
    efforts: &["low", "high", "max"],
    default_effort: Some("max"),
    forced_tools: ForcedTools::Taken,
    source: "https://platform.kimi.ai/docs/guide/use-thinking-effort",
    ..KIMI_K2_5
};

/// Hosts of the open weights let sampling be steered.
const HOSTED: &[ProviderKind] =
    &[ProviderKind::Together, ProviderKind::Groq, ProviderKind::Fireworks];
const HOSTED_KIMI_K3: ModelRow =
    ModelRow { at: HOSTED, sampling: Sampling::All, refuses: &[], ..KIMI_K3 };

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "kimi-k2", ..KIMI },
    ModelRow {
        series: "kimi-k2-thinking",
        reasoning: Reasoning::Always,
        no_thinking: NoThinking::LowestEffort,
        forced_tools: ForcedTools::NotWhileThinking,
        reasoning_back: ReasoningBack::Needed,
        ..KIMI
    },
    KIMI_K2_5,
    ModelRow { series: "kimi-k2-6", ..KIMI_K2_5 },
    ModelRow { series: "kimi-k2-7", ..KIMI_K2_5 },
    KIMI_K3,
    ModelRow { series: "kimi-k3-1", ..KIMI_K3 },
    // versions to come, taken for what is newest
    ModelRow { series: "kimi", ..KIMI_K3 },
    HOSTED_KIMI_K3,
    ModelRow { series: "kimi-k3-1", ..HOSTED_KIMI_K3 },
    ModelRow { series: "kimi", efforts: &[], ..HOSTED_KIMI_K3 },
    ModelRow { series: "kimi-k2", at: HOSTED, reasoning_back: ReasoningBack::Needed, ..KIMI },
];
