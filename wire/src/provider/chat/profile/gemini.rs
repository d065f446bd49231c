//! Gemini's compatibility endpoint: an unknown member is a 400, schemas are a subset, and the
//! signature of a call must come back with it.

use crate::provider::chat::profile::{
    CallSignature, ChatProfile, EmptyParameters, Files, ParallelSwitch, REFERENCE, SchemaRule,
    SystemMidway,
};
use crate::request::setting::SettingKind;
use crate::tool_names::{FirstCharacter, NameRule};

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "gemini",
    path: "/v1beta/openai/chat/completions",
    token_limit_field: "max_tokens",
    refused_members: &[
        "user",
        "store",
        "metadata",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "verbosity",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "prediction",
        "web_search_options",
        "functions",
        "function_call",
    ],
    refused_message_members: &[
        "name",
        "refusal",
        "reasoning_content",
        "reasoning",
        "annotations",
        "audio",
    ],
    tool_names: NameRule { first: FirstCharacter::LetterOrUnderscore, ..NameRule::word(64) },
    most_stop_sequences: Some(5),
    parallel_switch: ParallelSwitch::Refused,
    schema_rules: &[
        SchemaRule::Refuses("$schema"),
        SchemaRule::Refuses("$id"),
        SchemaRule::Refuses("$comment"),
        SchemaRule::Refuses("additionalProperties"),
        SchemaRule::Refuses("patternProperties"),
        SchemaRule::Refuses("propertyNames"),
        SchemaRule::Refuses("exclusiveMinimum"),
        SchemaRule::Refuses("exclusiveMaximum"),
        SchemaRule::Refuses("multipleOf"),
        SchemaRule::Refuses("uniqueItems"),
        SchemaRule::Refuses("not"),
        SchemaRule::Refuses("if"),
        SchemaRule::Refuses("then"),
        SchemaRule::Refuses("else"),
        SchemaRule::Refuses("examples"),
        SchemaRule::ConstAsEnum,
        SchemaRule::Instead("oneOf", "anyOf"),
    ],
    empty_parameters: EmptyParameters::LeftOut,
    system_midway: SystemMidway::FoldedIntoUser,
    files: Files::NotTaken,
    call_signature: CallSignature::GoogleExtraContent,
    settings: &[SettingKind::JsonObject],
    ..REFERENCE
};
