//! Where vendors of the Chat Completions dialect differ.

use ainfera_schema::ProviderKind;

/// One vendor's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatProfile {
    /// Follows the base URL.
    pub path: &'static str,
    /// How the limit on output tokens is called.
    pub token_limit_field: &'static str,
    pub stream_usage: StreamUsage,
    /// The word for "call some tool".
    pub any_tool: &'static str,
    /// How many stop sequences are taken; beyond that they are dropped and disclosed.
    pub max_stop_sequences: usize,
}

/// How a vendor is made to report usage in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// With `stream_options.include_usage`.
    AskFor,
    /// It always does, and refuses the question.
    AlwaysSent,
}

const OPENAI_FORM: ChatProfile = ChatProfile {
    path: "/v1/chat/completions",
    token_limit_field: "max_completion_tokens",
    stream_usage: StreamUsage::AskFor,
    any_tool: "required",
    max_stop_sequences: 4,
};

static OPENAI: ChatProfile = OPENAI_FORM;

static GEMINI: ChatProfile = ChatProfile { path: "/v1beta/openai/chat/completions", token_limit_field: "max_tokens", ..OPENAI_FORM };

static MISTRAL: ChatProfile =
    ChatProfile { token_limit_field: "max_tokens", stream_usage: StreamUsage::AlwaysSent, any_tool: "any", ..OPENAI_FORM };

static COMPATIBLE: ChatProfile = ChatProfile { token_limit_field: "max_tokens", ..OPENAI_FORM };

/// The profile of a vendor that speaks this dialect; `None` for the others.
pub fn profile_of(kind: ProviderKind) -> Option<&'static ChatProfile> {
    match kind {
        ProviderKind::Openai | ProviderKind::Xai | ProviderKind::Groq => Some(&OPENAI),
        ProviderKind::Gemini => Some(&GEMINI),
        ProviderKind::Mistral => Some(&MISTRAL),
        ProviderKind::Together | ProviderKind::Deepseek | ProviderKind::OpenaiCompatible => Some(&COMPATIBLE),
        ProviderKind::Anthropic | ProviderKind::Mock => None,
    }
}
