//! One model, as far as a request must know it: its row of the table, and what its operator says in
//! place of single entries.

use ainfera_schema::{Model, ModelTakes, ProviderKind, Reasoning, Sampling, Taken, ToolsOver};

use crate::model_table::{self, ChatCompletions, ForcedTools, ModelRow, ReasoningBack};

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct ModelAbilities<'m> {
    /// What no operator says.
    pub row: &'static ModelRow,
    /// Whether its name or its operator tells anything.
    pub is_known: bool,
    pub reasoning: Reasoning,
    takes: Option<&'m ModelTakes>,
    said_reasoning: Option<Reasoning>,
    said_max_output_tokens: Option<u64>,
}

impl<'m> ModelAbilities<'m> {
    pub fn of(kind: ProviderKind, model: &'m Model) -> Self {
        let named = Self::named(kind, &model.upstream_name, model.reasoning);
        Self {
            is_known: named.is_known || model.takes != ModelTakes::default(),
            takes: Some(&model.takes),
            said_max_output_tokens: model.max_output_tokens,
            ..named
        }
    }

    /// Of a model of which an operator says no more than whether it reasons.
    pub fn named(kind: ProviderKind, upstream_name: &str, reasoning: Option<Reasoning>) -> Self {
        let known = model_table::row(kind, upstream_name);
        let row = known.unwrap_or_else(|| match reasoning {
            Some(Reasoning::Always) => model_table::unnamed_reasoner(kind),
            Some(Reasoning::Never) | None => model_table::unnamed(kind),
        });
        Self {
            row,
            is_known: known.is_some(),
            reasoning: reasoning.unwrap_or(row.reasoning),
            takes: None,
            said_reasoning: reasoning,
            said_max_output_tokens: None,
        }
    }

    /// The same of a model whose answers an operator limits.
    pub fn with_max_output_tokens(self, said_max_output_tokens: Option<u64>) -> Self {
        Self { said_max_output_tokens, ..self }
    }

    fn said<T>(&self, field: impl Fn(&'m ModelTakes) -> Option<T>) -> Option<T> {
        self.takes.and_then(field)
    }

    pub fn sampling(&self) -> Sampling {
        self.said(|takes| takes.sampling).unwrap_or(self.row.sampling)
    }

    /// What the row refuses of a call that reasons, or does not. What an operator says of sampling
    /// stands in place of the row.
    pub fn refuses(&self, reasons: bool) -> impl Iterator<Item = &'static str> {
        let all_sampling = self.said(|takes| takes.sampling) == Some(Sampling::All);
        let is_sampling = move |name: &str| matches!(name, "temperature" | "top_p" | "top_k");
        let while_reasoning = if reasons { self.row.reasoning_refuses } else { &[] };
        self.row
            .refuses
            .iter()
            .chain(while_reasoning)
            .copied()
            .filter(move |name| !(all_sampling && is_sampling(name)))
    }

    /// From the least to the most; none: the model takes no effort.
    pub fn efforts(&self) -> &'m [&'static str] {
        if let Some(said) = self.said(|takes| takes.efforts.as_deref()) {
            return said;
        }
        if self.said_reasoning == Some(Reasoning::Never) { &[] } else { self.row.efforts }
    }

    pub fn forced_tools(&self) -> ForcedTools {
        match self.said(|takes| takes.forced_tools) {
            Some(Taken::Yes) => ForcedTools::Taken,
            Some(Taken::No) => ForcedTools::Refused,
            None if self.reasoning == Reasoning::Never
                && self.row.forced_tools == ForcedTools::NotWhileThinking
                && self.said_reasoning.is_some() =>
            {
                ForcedTools::Taken
            }
            None => self.row.forced_tools,
        }
    }

    pub fn prefill(&self) -> Taken {
        self.said(|takes| takes.prefill).unwrap_or(self.row.prefill)
    }

    pub fn images(&self) -> Taken {
        self.said(|takes| takes.images).unwrap_or(self.row.images)
    }

    pub fn needs_reasoning_back(&self) -> bool {
        self.row.reasoning_back == ReasoningBack::Needed
    }

    pub fn chat_completions(&self) -> ChatCompletions {
        let of_row = match self.said_reasoning {
            Some(Reasoning::Never) => ChatCompletions::Taken,
            Some(Reasoning::Always) | None => self.row.chat_completions,
        };
        match (self.said(|takes| takes.tools_over), of_row) {
            (None, of_row) | (Some(_), of_row @ ChatCompletions::Refused) => of_row,
            (Some(ToolsOver::Either), _) => ChatCompletions::Taken,
            (Some(ToolsOver::Responses), _) => ChatCompletions::WithoutTools,
        }
    }

    /// What is configured counts; otherwise what is published.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.said_max_output_tokens.or(self.row.max_output_tokens)
    }
}
