//! Gemini, wherever it is served. Read on 2026-11-30 on ai.google.dev: the guides on thinking and
//! on the newest models. That requests which end with the model's turn are refused is from the
//! API's refusals (Zoo-Code-Org/Zoo-Code#1052), that sampling is ignored from 3.6 on, or refused,
//! from there and from "What's new in Gemini 3.6 Flash".

use ainfera_schema::{Reasoning, Sampling, Taken};

use crate::model_table::{ModelRow, NoThinking, ThinkingForm, UNKNOWN};

const LEVELS: &[&str] = &["minimal", "low", "medium", "high"];

const GEMINI: ModelRow = ModelRow {
    reasoning: Reasoning::Always,
    no_thinking: NoThinking::LowestEffort,
    source: "https://ai.google.dev/gemini-api/docs/thinking",
    read_on: "2026-11-30",
    ..UNKNOWN
};

/// One whose name tells nothing thinks within a budget.
pub(super) const UNNAMED: ModelRow =
    ModelRow { efforts: &["low", "medium", "high"], thinking: ThinkingForm::Budget, ..GEMINI };

const BEFORE_THINKING: ModelRow = ModelRow {
    reasoning: Reasoning::Never,
    thinking: ThinkingForm::Never,
    no_thinking: NoThinking::Disabled,
    ..GEMINI
};

const GEMINI_2_5: ModelRow =
    ModelRow { series: "gemini-2-5", max_output_tokens: Some(65_536), ..UNNAMED };

const GEMINI_2_5_FLASH: ModelRow = ModelRow {
    series: "gemini-2-5-flash",
    efforts: &["none", "low", "medium", "high"],
    no_thinking: NoThinking::Disabled,
    ..GEMINI_2_5
};

const GEMINI_3: ModelRow = ModelRow {
    series: "gemini-3",
    efforts: &["low", "medium", "high"],
    default_effort: Some("high"),
    thinking: ThinkingForm::Level,
    max_output_tokens: Some(65_536),
    ..GEMINI
};

const GEMINI_3_FLASH: ModelRow = ModelRow { series: "gemini-3-flash", efforts: LEVELS, ..GEMINI_3 };

/// Neither sampling nor prefill.
const GEMINI_3_6_FLASH: ModelRow = ModelRow {
    series: "gemini-3-6-flash",
    sampling: Sampling::None,
    default_effort: Some("medium"),
    prefill: Taken::No,
    source: "https://ai.google.dev/gemini-api/docs/generate-content/whats-new-gemini-3.6",
    ..GEMINI_3_FLASH
};

/// From here on no thought at all cannot be had.
const GEMINI_3_7_FLASH: ModelRow = ModelRow {
    series: "gemini-3-7-flash",
    efforts: &["low", "medium", "high"],
    ..GEMINI_3_6_FLASH
};

/// Window and output share their tokens.
const GEMINI_4: ModelRow = ModelRow {
    series: "gemini-4",
    max_output_tokens: None,
    source: "https://ai.google.dev/gemini-api/docs/generate-content/latest-model",
    ..GEMINI_3_7_FLASH
};

pub(super) static ROWS: &[ModelRow] = &[
    ModelRow { series: "gemma", ..BEFORE_THINKING },
    ModelRow { series: "gemma-3", ..BEFORE_THINKING },
    ModelRow { series: "gemini-1-0", ..BEFORE_THINKING },
    ModelRow { series: "gemini-1-5", ..BEFORE_THINKING },
    ModelRow { series: "gemini-2-0", ..BEFORE_THINKING },
    ModelRow { series: "gemini-pro", ..BEFORE_THINKING },
    GEMINI_2_5,
    GEMINI_2_5_FLASH,
    GEMINI_3,
    ModelRow { series: "gemini-3-pro", efforts: &["low", "high"], ..GEMINI_3 },
    GEMINI_3_FLASH,
    ModelRow { series: "gemini-3-1", ..GEMINI_3 },
    ModelRow { series: "gemini-3-1-flash", ..GEMINI_3_FLASH },
    ModelRow { series: "gemini-3-5-flash", default_effort: Some("medium"), ..GEMINI_3_FLASH },
    ModelRow { series: "gemini-3-5-flash-lite", ..GEMINI_3_6_FLASH },
    GEMINI_3_6_FLASH,
    GEMINI_3_7_FLASH,
    GEMINI_4,
    ModelRow { series: "gemini-pro-latest", ..GEMINI_3 },
    // versions to come, taken for what is newest
    ModelRow { series: "gemini-*", ..GEMINI_4 },
];
