//! Groq refuses what its engines cannot do: probabilities, biases, names of speakers.

use crate::provider::chat::profile::{ChatProfile, Files, REFERENCE};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "groq",
    refused_members: &[
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "store",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    ],
    refused_message_members: &["name", "reasoning_content"],
    files: Files::NotTaken,
    settings: &[SettingKind::JsonObject, SettingKind::Seed],
    ..REFERENCE
};
