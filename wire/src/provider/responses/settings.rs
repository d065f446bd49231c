//! Settings of a typed request in the Responses dialect, as OpenAI's API reference has them
//! (responses, create). Unverified: nobody has compared them with the page.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::request::Request;
use crate::request::content::Block;
use crate::request::setting::SettingKind;

/// After the format of the answer, beside which the verbosity stands.
pub(crate) fn settings(
    request: &Request,
    said: &mut Map<String, Value>,
    coercions: &mut Coercions,
) {
    for setting in &request.settings {
        let (field, value) = (setting.kind.path(), setting.value.clone());
        let renamed = match setting.kind {
            SettingKind::JsonObject if !names_json(request) => {
                coercions.add(field, Change::Dropped(Reason::Vendor));
                continue;
            }
            SettingKind::JsonObject => {
                in_text(said, "format", json!({"type": "json_object"}));
                "text.format"
            }
            SettingKind::Verbosity => {
                in_text(said, "verbosity", value);
                "text.verbosity"
            }
            kind => {
                let Some(name) = member(kind) else {
                    coercions.add(field, Change::Dropped(Reason::NoEquivalent));
                    continue;
                };
                said.insert(name.to_owned(), value);
                name
            }
        };
        coercions.add(field, Change::Renamed(renamed.to_owned()));
    }
}

/// Settings that are members of the body.
fn member(kind: SettingKind) -> Option<&'static str> {
    match kind {
        SettingKind::PromptCacheKey => Some("prompt_cache_key"),
        SettingKind::PromptCacheRetention => Some("prompt_cache_retention"),
        SettingKind::Metadata => Some("metadata"),
        SettingKind::ServiceTier => Some("service_tier"),
        SettingKind::User => Some("user"),
        SettingKind::JsonObject
        | SettingKind::Verbosity
        | SettingKind::Seed
        | SettingKind::PresencePenalty
        | SettingKind::FrequencyPenalty
        | SettingKind::LogitBias => None,
    }
}

fn in_text(said: &mut Map<String, Value>, member: &str, value: Value) {
    let text = said.entry("text").or_insert_with(|| json!({}));
    text[member] = value;
}

/// The endpoint refuses to be asked for any JSON object where the input does not name JSON; the
/// instructions do not count.
fn names_json(request: &Request) -> bool {
    let mut is_named = false;
    let blocks = request.turns.iter().flat_map(|turn| &turn.blocks);
    blocks.for_each(|block: &Block| {
        block.for_each_text(&mut |text| {
            is_named |= text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"));
        });
    });
    is_named
}
