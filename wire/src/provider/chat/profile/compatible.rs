//! Whatever else speaks the dialect: vLLM, llama.cpp, Ollama, other gateways.
//!
//! What they have in common decides: `max_tokens`, instructions only at the beginning (most chat
//! templates refuse them later), `top_k` taken. They ignore what they do not know. Ollama ignores
//! `tool_choice` and the parallel switch; llama.cpp begins whole calls at index 0; vLLM names its
//! calls `chatcmpl-tool-…`: the reader takes all of it, so they need no kinds of their own.

use crate::provider::chat::profile::{ChatProfile, REFERENCE, SystemMidway, TopK};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "openai_compatible",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    most_stop_sequences: None,
    system_midway: SystemMidway::FoldedIntoUser,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
    ..REFERENCE
};
