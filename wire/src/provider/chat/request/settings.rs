//! Settings of a typed request in Chat Completions, as far as the vendor has them.

use serde_json::{Map, Value, json};

use super::Notes;
use crate::disclosure::coercion::{Change, Reason};
use crate::provider::chat::profile::ChatProfile;
use crate::request::Request;
use crate::request::setting::SettingKind;

/// After the caller's user, whom a second one moves.
pub(super) fn settings(
    request: &Request,
    profile: &ChatProfile,
    chat: &mut Map<String, Value>,
    notes: &mut Notes,
) {
    for setting in &request.settings {
        let path = setting.kind.path();
        let Some(name) = member(setting.kind).filter(|_| profile.settings.contains(&setting.kind))
        else {
            notes.coercions.add(path, Change::Dropped(Reason::Vendor));
            continue;
        };
        if setting.kind == SettingKind::User
            && let Some(safety_identifier) = chat.shift_remove("user")
        {
            chat.insert("safety_identifier".to_owned(), safety_identifier);
            notes.source_map.move_to("user", "safety_identifier");
        }
        let value = match setting.kind {
            SettingKind::JsonObject => json!({"type": "json_object"}),
            _ => setting.value.clone(),
        };
        chat.insert(name.to_owned(), value);
        notes.source_map.add(name, path);
    }
}

/// OpenAI refuses metadata of an answer that it does not store, and none is stored.
fn member(kind: SettingKind) -> Option<&'static str> {
    match kind {
        SettingKind::JsonObject => Some("response_format"),
        SettingKind::Verbosity => Some("verbosity"),
        SettingKind::PromptCacheKey => Some("prompt_cache_key"),
        SettingKind::PromptCacheRetention => Some("prompt_cache_retention"),
        SettingKind::ServiceTier => Some("service_tier"),
        SettingKind::User => Some("user"),
        SettingKind::Seed => Some("seed"),
        SettingKind::PresencePenalty => Some("presence_penalty"),
        SettingKind::FrequencyPenalty => Some("frequency_penalty"),
        SettingKind::LogitBias => Some("logit_bias"),
        SettingKind::Metadata => None,
    }
}
