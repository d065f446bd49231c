//! Models whose weights are open, so that many serve them: gpt-oss, Qwen and others. Read on
//! 2026-11-30: console.groq.com/docs/reasoning, docs.together.ai/docs/reasoning-overview,
//! docs.vllm.ai and ollama.com. Ollama refuses to be asked for reasoning where a model cannot.

use ainfera_schema::{ProviderKind, Reasoning, Taken};

use crate::model_table::{ModelRow, NoThinking, UNKNOWN, UP_TO_HIGH};

const OPEN: ModelRow = ModelRow {
    source: "https://console.groq.com/docs/reasoning",
    read_on: "2026-11-30",
    ..UNKNOWN
};

pub(super) const UNNAMED_REASONER: ModelRow = ModelRow {
    reasoning: Reasoning::Always,
    efforts: UP_TO_HIGH,
    no_thinking: NoThinking::LowestEffort,
    ..OPEN
};

const QWEN_3: ModelRow = ModelRow { series: "qwen3", images: Taken::Yes, ..UNNAMED_REASONER };

/// It thinks or it does not.
const QWEN_AT_GROQ: ModelRow = ModelRow {
    at: &[ProviderKind::Groq],
    efforts: &["none", "default"],
    no_thinking: NoThinking::Disabled,
    ..QWEN_3
};

/// What Together takes of an effort is published for gpt-oss and GLM only.
const QWEN_AT_TOGETHER: ModelRow =
    ModelRow { at: &[ProviderKind::Together], efforts: &[], ..QWEN_3 };

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "gpt-oss-*", images: Taken::No, ..UNNAMED_REASONER },
    QWEN_3,
    ModelRow { series: "qwen3-5", ..QWEN_3 },
    ModelRow { series: "qwen3-6", ..QWEN_3 },
    ModelRow { series: "qwen3-7", ..QWEN_3 },
    ModelRow { series: "qwen3-8", ..QWEN_3 },
    ModelRow { series: "qwen3-coder", reasoning: Reasoning::Never, efforts: &[], ..QWEN_3 },
    QWEN_AT_GROQ,
    ModelRow { series: "qwen3-6", ..QWEN_AT_GROQ },
    ModelRow { series: "qwen3-8", ..QWEN_AT_GROQ },
    QWEN_AT_TOGETHER,
    ModelRow { series: "qwen3-5", ..QWEN_AT_TOGETHER },
    ModelRow { series: "qwen3-6", ..QWEN_AT_TOGETHER },
    ModelRow { series: "qwen3-7", ..QWEN_AT_TOGETHER },
    ModelRow { series: "qwen3-8", ..QWEN_AT_TOGETHER },
];
