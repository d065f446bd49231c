//! Z.ai's GLM. Read on 2026-11-30: docs.z.ai's guides to GLM-5.2 and 5.3, and
//! docs.together.ai/docs/glm-5.3-quickstart. From 5.3 on thinking cannot be turned off.

use ainfera_schema::{ProviderKind, Reasoning, Taken};

use crate::model_table::{ModelRow, NoThinking, UNKNOWN};

const GLM: ModelRow = ModelRow {
    series: "glm-*",
    reasoning: Reasoning::Always,
    images: Taken::No,
    source: "https://docs.z.ai/guides/overview/migrate-to-glm-new",
    read_on: "2026-11-30",
    ..UNKNOWN
};

const GLM_5_2: ModelRow = ModelRow {
    series: "glm-5-2",
    efforts: &["none", "minimal", "low", "medium", "high", "xhigh", "max"],
    default_effort: Some("max"),
    ..GLM
};

const GLM_5_3: ModelRow = ModelRow {
    series: "glm-5-3",
    efforts: &["low", "high", "max"],
    no_thinking: NoThinking::LowestEffort,
    max_output_tokens: Some(131_072),
    ..GLM_5_2
};

pub(super) static ROWS: &[ModelRow] = &[
    GLM,
    ModelRow { series: "glm-4", reasoning: Reasoning::Never, ..GLM },
    ModelRow { series: "glm-4v", reasoning: Reasoning::Never, images: Taken::Yes, ..GLM },
    ModelRow { series: "glm-4-5", ..GLM },
    ModelRow { series: "glm-4-5v", images: Taken::Yes, ..GLM },
    ModelRow { series: "glm-4-6", ..GLM },
    ModelRow { series: "glm-4-6v", images: Taken::Yes, ..GLM },
    ModelRow { series: "glm-4-7", ..GLM },
    ModelRow { series: "glm-5", ..GLM },
    ModelRow { series: "glm-5v", images: Taken::Yes, ..GLM },
    ModelRow { series: "glm-5-1", ..GLM },
    GLM_5_2,
    GLM_5_3,
    ModelRow {
        at: &[ProviderKind::Together],
        efforts: &["low", "medium", "high", "max"],
        max_output_tokens: None,
        source: "https://docs.together.ai/docs/glm-5.3-quickstart",
        ..GLM_5_3
    },
    // what Together takes of the earlier ones is not verified
    ModelRow { at: &[ProviderKind::Together], efforts: &[], ..GLM },
    ModelRow { at: &[ProviderKind::Together], efforts: &[], ..GLM_5_2 },
    ModelRow { series: "zai-glm", at: &[ProviderKind::Mistral], efforts: &[], ..GLM },
];
