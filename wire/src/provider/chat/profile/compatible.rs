//! Whatever else speaks the dialect: vLLM, llama.cpp, Ollama, other gateways.
//!
//! What they have in common decides: `max_tokens`, instructions only at the beginning (most chat
//! templates refuse them later), `top_k` taken. They ignore what they do not know. Ollama ignores
//! `tool_choice` and the parallel switch; llama.cpp begins whole calls at index 0; vLLM names its
//! calls `chatcmpl-tool-…`: the reader takes all of it, so they need no kinds of their own.
//!
//! Reasoning goes back to whoever gave it: Kimi, GLM, MiniMax and Qwen want it with the calls that
//! came of it, and the templates of open engines leave out by themselves what they do not need
//! (docs.vllm.ai, reasoning outputs; platform.kimi.ai, guide to thinking models; read on
//! 2026-12-01).

use crate::provider::chat::profile::{ChatProfile, InlineThinking, REFERENCE, SystemMidway, TopK};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "openai_compatible",
    token_limit_field: "max_tokens",
    top_k: TopK::Taken,
    most_stop_sequences: None,
    system_midway: SystemMidway::FoldedIntoUser,
    reasoning_back: Some("reasoning_content"),
    inline_thinking: InlineThinking::ByModel,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
    ..REFERENCE
};
