//! Mistral's models. They reason when they are asked to; those that cannot be asked refuse the
//! question. Read on 2026-11-30: docs.mistral.ai/inference/conversations/reasoning; what Mistral
//! Large 4 takes beyond `low` and `medium` is not verified.

use ainfera_schema::{Reasoning, Taken};

use crate::model_table::{ModelRow, NoThinking, UNKNOWN};

const MISTRAL: ModelRow = ModelRow {
    source: "https://docs.mistral.ai/inference/conversations/reasoning",
    read_on: "2026-11-30",
    ..UNKNOWN
};

const ADJUSTABLE: ModelRow =
    ModelRow { efforts: &["none", "high"], default_effort: Some("none"), ..MISTRAL };

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "mistral-*", ..MISTRAL },
    ModelRow { series: "ministral-*", ..MISTRAL },
    ModelRow { series: "codestral-*", images: Taken::No, ..MISTRAL },
    ModelRow { series: "devstral-*", images: Taken::No, ..MISTRAL },
    ModelRow {
        series: "magistral-*",
        reasoning: Reasoning::Always,
        no_thinking: NoThinking::LowestEffort,
        ..MISTRAL
    },
    ModelRow { series: "mistral-small-2603", ..ADJUSTABLE },
    ModelRow { series: "mistral-small-latest", ..ADJUSTABLE },
    ModelRow { series: "mistral-medium-3-5", ..ADJUSTABLE },
    ModelRow { series: "mistral-medium-2604", ..ADJUSTABLE },
    ModelRow { series: "mistral-medium-latest", ..ADJUSTABLE },
    ModelRow {
        series: "mistral-large-4",
        efforts: &["none", "low", "medium", "high"],
        default_effort: Some("none"),
        ..MISTRAL
    },
    ModelRow {
        series: "mistral-large-4-0",
        efforts: &["none", "low", "medium", "high"],
        default_effort: Some("none"),
        ..MISTRAL
    },
];
