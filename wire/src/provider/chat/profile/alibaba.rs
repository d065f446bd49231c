//! Alibaba's Model Studio, in its compatible mode: thinking is a switch of its own, and a tool
//! cannot be forced by the word `required`. Sources: help.aliyun.com/en/model-studio/deep-thinking
//! (`enable_thinking`, `reasoning_content`), docs.instructorphp.com's page on Qwen (`required` is
//! sent as `auto`), read on 2026-12-01. Not verified: that it takes `top_k` and seeds.

use crate::provider::chat::profile::{
    ChatProfile, Files, InlineThinking, REFERENCE, ThinkingSwitch, TopK,
};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "alibaba",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    any_tool: "auto",
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    thinking_switch: ThinkingSwitch::EnableThinking,
    inline_thinking: InlineThinking::ByModel,
    settings: &[SettingKind::JsonObject, SettingKind::Seed, SettingKind::PresencePenalty],
    ..REFERENCE
};
