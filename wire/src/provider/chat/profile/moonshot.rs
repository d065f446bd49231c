//! Moonshot (Kimi) itself: its thoughts go back to it, thinking is turned off by a member. Sources:
//! platform.kimi.ai's guide to thinking models (see the model table), and what clients of it leave
//! out and send (java.agentscope.io/v2/en/integration/model/kimi, promptfoo.dev's page on
//! Moonshot), read on 2026-12-01. Not verified: the highest temperature of the moonshot-v1 series.

use crate::provider::chat::profile::{ChatProfile, Files, REFERENCE, ThinkingSwitch};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "moonshot",
    hottest_tenths: 10,
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    thinking_switch: ThinkingSwitch::Member,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::PromptCacheKey,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
    ],
    ..REFERENCE
};
