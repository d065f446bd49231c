//! One model of one vendor, as far as a request must know it.

use ainfera_schema::{Model, Reasoning};

use crate::effort::efforts_of;
use crate::provider::chat::profile::{ChatProfile, Effort, EmptyParameters};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub profile: &'static ChatProfile,
    pub upstream_name: &'a str,
    pub reasoning: Reasoning,
    pub max_output_tokens: Option<u64>,
}

impl<'a> Target<'a> {
    pub fn of(profile: &'static ChatProfile, model: &'a Model) -> Self {
        let upstream_name = model.upstream_name.as_str();
        let reasoning =
            model.reasoning.unwrap_or_else(|| reasoning_by_name(profile, upstream_name));
        Self { profile, upstream_name, reasoning, max_output_tokens: model.max_output_tokens }
    }

    /// Whether the schemas of tools may become others on their way.
    pub fn changes_schemas(&self) -> bool {
        !self.profile.schema_rules.is_empty()
            || self.profile.empty_parameters != EmptyParameters::Taken
    }

    /// The member of a message that calls tools without which this model refuses it.
    pub fn needed_reasoning(&self) -> Option<&'static str> {
        let name = self.upstream_name.to_ascii_lowercase();
        let name = name.rsplit('/').next().unwrap_or(&name);
        let is_needed = self.profile.reasoning_needed.iter().any(|series| name.starts_with(series));
        self.profile.reasoning_back.filter(|_| is_needed)
    }

    /// The member in which this model wants its reasoning back; the caller is told of it unasked,
    /// or could not give it back.
    pub fn reasoning_back(&self) -> Option<&'static str> {
        if self.profile.reasoning_needed.is_empty() {
            self.profile.reasoning_back
        } else {
            self.needed_reasoning()
        }
    }

    /// The words for an effort that this model takes, from the least to the most; none: it takes no
    /// effort.
    pub fn efforts(&self) -> &'static [&'static str] {
        match self.profile.effort {
            Effort::Everybody(words) => words,
            Effort::ReasoningModels(words) if self.reasoning == Reasoning::Always => words,
            Effort::ByModel(table) if self.reasoning == Reasoning::Always => {
                efforts_of(table, self.upstream_name).unwrap_or(&["low", "medium", "high"])
            }
            Effort::OfTable(table) => efforts_of(table, self.upstream_name).unwrap_or_default(),
            Effort::ByModel(_) | Effort::ReasoningModels(_) | Effort::Nobody => &[],
        }
    }
}

/// Models of one series have its name, alone or before a `-`, `.` or `:`, in whatever case; a
/// gateway's name for the maker may stand in front.
pub(crate) fn reasoning_by_name(profile: &ChatProfile, name: &str) -> Reasoning {
    let name = name.to_ascii_lowercase();
    let without_maker = name.rsplit('/').next().unwrap_or(&name);
    let is_of = |name: &str, series: &str| {
        name.strip_prefix(series)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.', ':']))
    };
    let is_plain = name.contains("non-reasoning") || name.contains("-chat");
    let reasons = profile
        .reasoning_models
        .iter()
        .any(|series| is_of(&name, series) || is_of(without_maker, series));
    if reasons && !is_plain { Reasoning::Always } else { Reasoning::Never }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::chat::profile::profile_of;
    use ainfera_schema::ProviderKind;

    #[test]
    fn reasoning_models_are_known_by_their_series() {
        for (kind, name, reasoning) in [
            (ProviderKind::Openai, "gpt-5.5-pro", Reasoning::Always),
            (ProviderKind::Openai, "o4-mini", Reasoning::Always),
            (ProviderKind::Openai, "gpt-5-chat-latest", Reasoning::Never),
            (ProviderKind::Openai, "gpt-4.1", Reasoning::Never),
            (ProviderKind::Openai, "o300", Reasoning::Never),
            (ProviderKind::Xai, "grok-4-fast-non-reasoning", Reasoning::Never),
            (ProviderKind::Xai, "grok-4.3", Reasoning::Always),
            (ProviderKind::Groq, "openai/gpt-oss-120b", Reasoning::Always),
            (ProviderKind::Deepseek, "deepseek-chat", Reasoning::Never),
            (ProviderKind::OpenaiCompatible, "Qwen/Qwen3-32B", Reasoning::Always),
            (ProviderKind::OpenaiCompatible, "qwen3:32b", Reasoning::Always),
            (ProviderKind::OpenaiCompatible, "llama3", Reasoning::Never),
        ] {
            assert_eq!(reasoning_by_name(profile_of(kind).unwrap(), name), reasoning, "{name}");
        }
    }
}
