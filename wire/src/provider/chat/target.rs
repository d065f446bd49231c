//! One model of one vendor, as far as a request must know it.

use ainfera_schema::{Model, ProviderKind, Reasoning, Taken};

use crate::model_table::{AnswerSchema, ModelAbilities, ReasoningBack};
use crate::provider::chat::own_reasoning::ReasoningOwner;
use crate::provider::chat::profile::{ChatProfile, Effort, EmptyParameters};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub profile: &'static ChatProfile,
    pub upstream_name: &'a str,
    pub maker: &'a str,
    pub abilities: ModelAbilities<'a>,
}

impl<'a> Target<'a> {
    pub(crate) fn of(kind: ProviderKind, profile: &'static ChatProfile, model: &'a Model) -> Self {
        let abilities = ModelAbilities::of(kind, model);
        let upstream_name = model.upstream_name.as_str();
        Self { profile, upstream_name, maker: &model.maker, abilities }
    }

    /// Whose the reasoning is that the model answers with.
    pub(crate) fn owner(&self) -> ReasoningOwner {
        ReasoningOwner::new(self.profile.issuer, self.upstream_name, self.maker)
    }

    /// Whether the schemas of tools may become others on their way.
    pub(crate) fn changes_schemas(&self) -> bool {
        !self.profile.schema_rules.is_empty()
            || self.profile.empty_parameters != EmptyParameters::Taken
            || self.abilities.row.combined_tool_schemas == Taken::No
            || self.abilities.row.answer_schema == AnswerSchema::StrictOrLoose
    }

    /// The member of a message that calls tools without which this model refuses it.
    pub(crate) fn needed_reasoning(&self) -> Option<&'static str> {
        self.profile.reasoning_back.filter(|_| self.abilities.needs_reasoning_back())
    }

    /// The member in which this model wants its reasoning back; the caller is told of it unasked,
    /// or could not give it back.
    pub(crate) fn reasoning_back(&self) -> Option<&'static str> {
        let is_wanted = self.abilities.row.reasoning_back != ReasoningBack::NotNeeded;
        self.profile.reasoning_back.filter(|_| is_wanted)
    }

    /// The words for an effort that this model takes, from the least to the most; none: it takes no
    /// effort.
    pub(crate) fn efforts(&self) -> &'a [&'static str] {
        match self.profile.effort {
            Effort::Everybody(words) => words,
            Effort::OfModel => self.abilities.efforts(),
        }
    }

    /// The name for the limit on output tokens. OpenAI's models that reason know one name only,
    /// also where others than OpenAI serve them.
    pub(crate) fn token_limit_field(&self) -> &'static str {
        let is_openais = self.profile.vendor == "openai_compatible"
            && self.abilities.row.answer_schema == AnswerSchema::StrictOrLoose;
        if is_openais && self.abilities.reasoning == Reasoning::Always {
            "max_completion_tokens"
        } else {
            self.profile.token_limit_field
        }
    }
}
