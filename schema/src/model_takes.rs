//! What a model takes, as far as an operator says it in place of what is known by the model's name.

/// Words for an effort, from the least to the most. `default` is a word of its own at some vendors.
pub const EFFORT_WORDS: [&str; 8] =
    ["none", "minimal", "low", "medium", "high", "xhigh", "max", "default"];

/// Whether something may be asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes,
    No,
}

/// Which members that steer sampling a model takes: `temperature`, `top_p` and `top_k`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    All,
    /// `temperature` or `top_p`, not both.
    OneOfTwo,
    None,
}

/// Which of OpenAI's endpoints takes calls with tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolsOver {
    Either,
    Responses,
}

/// Each field stands in place of the entry that the model table has for the model's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelTakes {
    pub sampling: Option<Sampling>,
    /// Of [`EFFORT_WORDS`]; an empty list: the model takes no effort.
    pub efforts: Option<Vec<&'static str>>,
    /// A tool choice that demands a call.
    pub forced_tools: Option<Taken>,
    /// An answer that the caller began, as the last message.
    pub prefill: Option<Taken>,
    pub images: Option<Taken>,
    pub tools_over: Option<ToolsOver>,
}
