//! What a provider's requests say where callers say nothing: the keys `service_tier` and
//! `tool_uses` of its table.

use ainfera_schema::{ProviderKind, ServiceTier, TOOL_USES_UNLESS_SAID, Unsaid, UnsaidTier};

use super::document::Section;

const MOST_TOOL_USES: u64 = 1_000;

const TIERS: [(&str, UnsaidTier); 4] = [
    ("default", UnsaidTier::Written(ServiceTier::Standard)),
    ("flex", UnsaidTier::Written(ServiceTier::Flex)),
    ("priority", UnsaidTier::Written(ServiceTier::Priority)),
    ("project", UnsaidTier::Project),
];

/// Of a provider whose table says neither. A dated version of the API may not know of tiers.
pub fn of_kind(kind: ProviderKind, says_api_version: bool) -> Unsaid {
    let tier = if has_tiers(kind) && !says_api_version { TIERS[0].1 } else { UnsaidTier::Project };
    Unsaid { tier, tool_uses: TOOL_USES_UNLESS_SAID }
}

pub fn read(section: &Section<'_>, kind: Option<ProviderKind>, says_api_version: bool) -> Unsaid {
    let mut unsaid = kind.map_or_else(Unsaid::default, |kind| of_kind(kind, says_api_version));
    if let Some(field) = section.field("service_tier") {
        if kind.is_some_and(|kind| !has_tiers(kind)) {
            field.refuse("is written for providers of the kinds openai and openai_responses alone");
        } else if let Some(tier) = field.one_of(&TIERS) {
            unsaid.tier = tier;
        }
    }
    let uses = section.field("tool_uses").and_then(|field| field.whole(1..=MOST_TOOL_USES));
    unsaid.tool_uses = uses.and_then(|uses| u32::try_from(uses).ok()).unwrap_or(unsaid.tool_uses);
    unsaid
}

fn has_tiers(kind: ProviderKind) -> bool {
    matches!(kind, ProviderKind::Openai | ProviderKind::OpenaiResponses)
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn of(text: &str, kind: ProviderKind) -> Result<Unsaid, String> {
        read_document(text, |root| Some(read(root, Some(kind), false)))
            .map_err(|mistakes| mistakes[0].to_string())
    }

    #[test]
    fn a_tier_is_written_to_openai_unless_the_file_leaves_it_to_the_project() {
        assert_eq!(
            of("", ProviderKind::Openai).unwrap().tier,
            UnsaidTier::Written(ServiceTier::Standard)
        );
        assert_eq!(
            of("service_tier = \"project\"", ProviderKind::OpenaiResponses).unwrap().tier,
            UnsaidTier::Project
        );
        assert_eq!(
            of("service_tier = \"flex\"", ProviderKind::Openai).unwrap().tier,
            UnsaidTier::Written(ServiceTier::Flex)
        );
        assert_eq!(of("", ProviderKind::Groq).unwrap(), Unsaid::default());
        assert_eq!(of_kind(ProviderKind::Openai, true).tier, UnsaidTier::Project);
        assert!(
            of("service_tier = \"default\"", ProviderKind::Groq)
                .unwrap_err()
                .contains("service_tier")
        );
        assert!(
            of("service_tier = \"auto\"", ProviderKind::Openai)
                .unwrap_err()
                .contains("service_tier")
        );
    }

    #[test]
    fn the_limit_of_tools_is_the_files() {
        assert_eq!(of("tool_uses = 3", ProviderKind::Anthropic).unwrap().tool_uses, 3);
        assert_eq!(of("", ProviderKind::Anthropic).unwrap().tool_uses, 20);
        assert!(of("tool_uses = 0", ProviderKind::Anthropic).unwrap_err().contains("tool_uses"));
    }
}
