//! MiniMax writes its thoughts into the text, between tags. Source:
//! platform.minimax.io/docs/api-reference/text-openai-api, read on 2026-12-01. Its temperature is
//! above 0 and at most 1 (belingud.github.io/yaicli's page on MiniMax). What it takes of the
//! settings is not verified, so none is sent that a caller of another dialect did not mean for it.

use crate::provider::chat::profile::{ChatProfile, Files, InlineThinking, REFERENCE};

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "minimax",
    token_limit_field: "max_tokens",
    refused_members: &["presence_penalty", "frequency_penalty", "logit_bias"],
    hottest_tenths: 10,
    inline_thinking: InlineThinking::Always,
    files: Files::NotTaken,
    settings: &[],
    ..REFERENCE
};
