//! What each model takes: one row for each series of models, found by the model's name.
//!
//! Whoever writes a request asks [`ModelAbilities`], and changes and names what the model refuses.
//! The rows are the vendors' published rules, each with its source and the day on which it was
//! read. `takes` of a `[[models]]` table stands in place of single entries. What all models at one
//! vendor have in common is not here but in the vendor's own files
//! ([`crate::provider::chat::profile`] for those that speak Chat Completions).

mod abilities;
mod claude;
mod deepseek;
mod gemini;
mod glm;
mod grok;
mod kimi;
mod mistral;
mod open_weights;
mod openai;
mod series;

pub use abilities::ModelAbilities;
use ainfera_schema::{ProviderKind, Reasoning, Sampling, Taken};

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelRow {
    /// What the names of the models begin with; [`series`] says how it is compared.
    pub series: &'static str,
    /// The kinds of providers at which the row holds; none: wherever no row names the kind.
    pub at: &'static [ProviderKind],
    /// Whether it reasons unless it is told not to.
    pub reasoning: Reasoning,
    pub sampling: Sampling,
    /// Members of a body that it refuses, under Chat Completions' names.
    pub refuses: &'static [&'static str],
    /// Those that it refuses while it reasons.
    pub reasoning_refuses: &'static [&'static str],
    /// The words for an effort, from the least to the most; none: it takes no effort.
    pub efforts: &'static [&'static str],
    /// The effort of a call that says none, where it is published.
    pub default_effort: Option<&'static str>,
    pub thinking: ThinkingForm,
    pub no_thinking: NoThinking,
    pub forced_tools: ForcedTools,
    /// An answer that the caller began, as the last message.
    pub prefill: Taken,
    /// Instructions between the turns, in Anthropic's dialect.
    pub instructions_midway: Taken,
    /// `anyOf`, `oneOf`, `allOf` or `$ref` at the top of a tool's schema.
    pub combined_tool_schemas: Taken,
    /// What a schema of an answer may have, and that of a strict tool.
    pub answer_schema: AnswerSchema,
    pub images: Taken,
    pub chat_completions: ChatCompletions,
    pub reasoning_back: ReasoningBack,
    /// Tokens, where they are published.
    pub max_output_tokens: Option<u64>,
    /// Where it is published, or who observed it.
    pub source: &'static str,
    /// The day on which the source was read.
    pub read_on: &'static str,
}

/// In which form a model is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingForm {
    /// It does not think.
    Never,
    /// By an effort, or not at all.
    Effort,
    /// With a budget of tokens only.
    Budget,
    /// With a budget, or as it sees fit.
    Either,
    /// As it sees fit, steered by the effort; a budget is refused.
    Adaptive,
    /// At a level that Gemini names as others name efforts; a budget is refused.
    Level,
}

/// How a model is told not to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoThinking {
    /// Without a condition.
    Disabled,
    /// With an effort of `high` at most.
    DisabledUpToHigh,
    /// It may still think between calls of tools, with an effort of `high` at most.
    BetweenTools,
    /// Not at all: the lowest effort is the nearest.
    LowestEffort,
}

/// Whether a model can be made to call a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForcedTools {
    Taken,
    NotWhileThinking,
    Refused,
}

/// What the schema of an answer may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerSchema {
    Any,
    /// Anthropic's part of the language: objects are closed, and nothing is bounded.
    ClosedAndUnbounded,
    /// A strict one is closed and requires all of its properties, as OpenAI's.
    StrictOrLoose,
}

/// What OpenAI's Chat Completions endpoint takes of a call for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChatCompletions {
    Taken,
    /// "Function tools with reasoning_effort are not supported": the effort that these models have
    /// by default counts too.
    WithoutTools,
    /// The model is served by the Responses endpoint alone.
    Refused,
}

/// Whether a call of a tool comes back with the reasoning that led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasoningBack {
    /// A call without it, be it empty, is refused.
    Needed,
    /// It is of use to the model.
    Wanted,
    NotNeeded,
}

/// A model of which nothing is known takes everything but an effort.
pub(crate) const UNKNOWN: ModelRow = ModelRow {
    series: "",
    at: &[],
    reasoning: Reasoning::Never,
    sampling: Sampling::All,
    refuses: &[],
    reasoning_refuses: &[],
    efforts: &[],
    default_effort: None,
    thinking: ThinkingForm::Effort,
    no_thinking: NoThinking::Disabled,
    forced_tools: ForcedTools::Taken,
    prefill: Taken::Yes,
    instructions_midway: Taken::No,
    combined_tool_schemas: Taken::Yes,
    answer_schema: AnswerSchema::Any,
    images: Taken::Yes,
    chat_completions: ChatCompletions::Taken,
    reasoning_back: ReasoningBack::NotNeeded,
    max_output_tokens: None,
    source: "",
    read_on: "",
};

/// The words that all take which reason and of which no more is known.
pub(crate) const UP_TO_HIGH: &[&str] = &["low", "medium", "high"];

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static ModelRow> {
    [
        claude::ROWS,
        openai::ROWS,
        gemini::ROWS,
        deepseek::ROWS,
        kimi::ROWS,
        glm::ROWS,
        grok::ROWS,
        mistral::ROWS,
        open_weights::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The row of a model at a provider of this kind, if its name tells. A row that names the kind goes
/// before one that does not, then the longer series before the shorter.
pub fn row(kind: ProviderKind, upstream_name: &str) -> Option<&'static ModelRow> {
    let name = series::plain_name(upstream_name);
    rows()
        .filter(|row| row.at.is_empty() || row.at.contains(&kind))
        .filter(|row| series::begins_with(&name, row.series))
        .max_by_key(|row| (!row.at.is_empty(), series::weight(row.series)))
}

/// The row of a model whose name tells nothing and of which an operator says that it reasons.
fn unnamed_reasoner(kind: ProviderKind) -> &'static ModelRow {
    match kind {
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure => {
            &openai::UNNAMED_REASONER
        }
        ProviderKind::Xai => &grok::UNNAMED_REASONER,
        ProviderKind::Deepseek => &deepseek::UNNAMED_REASONER,
        ProviderKind::Gemini => &gemini::UNNAMED,
        _ => &open_weights::UNNAMED_REASONER,
    }
}

/// The row of a model whose name tells nothing.
fn unnamed(kind: ProviderKind) -> &'static ModelRow {
    match kind {
        ProviderKind::Gemini => &gemini::UNNAMED,
        ProviderKind::Openai | ProviderKind::OpenaiResponses | ProviderKind::Azure => {
            &openai::UNNAMED
        }
        ProviderKind::Anthropic | ProviderKind::Mock => &claude::UNNAMED,
        ProviderKind::Deepseek => &deepseek::PLAIN,
        _ => {
            static UNNAMED: ModelRow = UNKNOWN;
            &UNNAMED
        }
    }
}

#[cfg(test)]
mod tests;
