//! Cerebras refuses penalties, biases and tiers with a 400, and takes instructions as `system`
//! alone. Sources: inference-docs.cerebras.ai/resources/openai (roles), and the guide to Cerebras
//! of the client req_llm 1.10 (refused members), read on 2026-12-01. That the highest temperature
//! is 1.5 is from promptfoo.dev's page on Cerebras.

use crate::provider::chat::profile::{
    ChatProfile, Files, InlineThinking, ParallelSwitch, REFERENCE,
};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "cerebras",
    refused_members: &[
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "service_tier",
        "prompt_cache_key",
        "verbosity",
        "store",
    ],
    hottest_tenths: 15,
    parallel_switch: ParallelSwitch::Refused,
    inline_thinking: InlineThinking::ByModel,
    files: Files::NotTaken,
    settings: &[SettingKind::JsonObject, SettingKind::Seed],
    ..REFERENCE
};
