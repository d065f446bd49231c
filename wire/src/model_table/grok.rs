//! xAI's Grok. Most models decide for themselves how long they think and refuse the question. Read
//! on 2026-11-30: docs.x.ai/docs/guides/reasoning and
//! docs.x.ai/developers/model-capabilities/text/reasoning; that 4.6 and later take `xhigh` is from
//! users' reports.

use ainfera_schema::{Reasoning, Taken};

use crate::model_table::{ModelRow, NoThinking, ReasoningBack, UNKNOWN, UP_TO_HIGH};

const PLAIN: ModelRow = ModelRow {
    source: "https://docs.x.ai/docs/guides/reasoning",
    read_on: "2026-11-30",
    ..UNKNOWN
};

pub(super) const UNNAMED_REASONER: ModelRow = ModelRow { efforts: UP_TO_HIGH, ..GROK };

const GROK: ModelRow = ModelRow {
    reasoning: Reasoning::Always,
    refuses: &["stop", "presence_penalty", "frequency_penalty"],
    no_thinking: NoThinking::LowestEffort,
    reasoning_back: ReasoningBack::Wanted,
    ..PLAIN
};

const GROK_4_6: ModelRow = ModelRow {
    series: "grok-4-6",
    efforts: &["low", "medium", "high", "xhigh"],
    default_effort: Some("high"),
    ..GROK
};

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "grok-2", ..PLAIN },
    ModelRow { series: "grok-3", ..PLAIN },
    ModelRow { series: "grok-3-mini", efforts: &["low", "high"], images: Taken::No, ..GROK },
    ModelRow { series: "grok-4", ..GROK },
    ModelRow { series: "grok-4-1", ..GROK },
    ModelRow { series: "grok-4-20", ..GROK },
    ModelRow { series: "grok-code", images: Taken::No, ..GROK },
    ModelRow { series: "grok-build", ..GROK },
    ModelRow {
        series: "grok-4-3",
        efforts: &["none", "low", "medium", "high"],
        default_effort: Some("low"),
        no_thinking: NoThinking::Disabled,
        ..GROK
    },
    ModelRow { series: "grok-4-5", efforts: UP_TO_HIGH, default_effort: Some("high"), ..GROK },
    GROK_4_6,
    ModelRow { series: "grok-4-7", ..GROK_4_6 },
    ModelRow { series: "grok-*non-reasoning", ..PLAIN },
    // versions to come: whether they take an effort is not known
    ModelRow { series: "grok-*", ..GROK },
];
