//! Mistral refuses with a 422 whatever its schema does not have, wants ids of nine characters, and
//! no user right after a tool.

use crate::provider::chat::profile::{
    CallIdRule, ChatProfile, Files, LastAssistant, REFERENCE, StreamUsage, SystemMidway,
    UserAfterTool,
};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "mistral",
    token_limit_field: "max_tokens",
    stream_usage: StreamUsage::AlwaysSent,
    refused_members: &[
        "stream_options",
        "user",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "store",
        "service_tier",
        "verbosity",
        "prompt_cache_key",
        "prompt_cache_retention",
        "safety_identifier",
        "modalities",
        "audio",
        "web_search_options",
        "functions",
        "function_call",
    ],
    renamed_members: &[("seed", "random_seed")],
    refused_message_members: &[
        "name",
        "refusal",
        "reasoning_content",
        "reasoning",
        "annotations",
        "audio",
        "function_call",
    ],
    most_stop_sequences: None,
    hottest_tenths: 15,
    any_tool: "any",
    call_ids: CallIdRule::NineAlphanumeric,
    system_midway: SystemMidway::FoldedIntoUser,
    user_after_tool: UserAfterTool::FoldedIntoTool,
    last_assistant: LastAssistant::NeedsPrefix,
    files: Files::DocumentUrl,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
    ],
    ..REFERENCE
};
