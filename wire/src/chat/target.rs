//! One model of one vendor, as far as a request must know it.

use ainfera_schema::Model;

use super::profile::{ChatProfile, Effort};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    pub profile: &'static ChatProfile,
    pub upstream_name: &'a str,
    pub thinks: Thinks,
    pub max_output_tokens: Option<u64>,
}

/// Whether a model reasons before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinks {
    First,
    Never,
}

impl<'a> Target<'a> {
    pub fn of(profile: &'static ChatProfile, model: &'a Model) -> Self {
        let upstream_name = model.upstream_name.as_str();
        let thinks = if named_as_thinking(profile, upstream_name) { Thinks::First } else { Thinks::Never };
        Self { profile, upstream_name, thinks, max_output_tokens: model.max_output_tokens }
    }

    /// The words for an effort that this model takes, from the least to the most; none: it takes no effort.
    pub fn efforts(&self) -> &'static [&'static str] {
        match self.profile.effort {
            Effort::Everybody(words) => words,
            Effort::ReasoningModels(words) if self.thinks == Thinks::First => words,
            Effort::ReasoningModels(_) | Effort::Nobody => &[],
        }
    }
}

fn named_as_thinking(profile: &ChatProfile, name: &str) -> bool {
    let plain = name.contains("non-reasoning") || name.contains("-chat");
    !plain && profile.reasoning_models.iter().any(|prefix| name.starts_with(prefix))
}
