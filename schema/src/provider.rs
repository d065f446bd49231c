//! Who serves models.

use serde::{Deserialize, Serialize};

use crate::{Network, OwnDeadlines, ProviderId, Unsaid};

/// Stands between a provider's id and the name of one of its keys, where it has several: each key
/// has limits and a health of its own.
pub const KEY_SEPARATOR: char = '#';

/// Which vendor's habits a provider has. The kind decides the dialect, the paths and the field
/// names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    Anthropic,
    /// Chat Completions, of OpenAI itself.
    Openai,
    /// OpenAI's Responses API; others have copied it.
    OpenaiResponses,
    /// Gemini's own API.
    Gemini,
    /// Chat Completions, as Gemini copies it.
    GeminiCompatible,
    Mistral,
    Xai,
    Groq,
    Together,
    Deepseek,
    Openrouter,
    /// OpenAI's models as Azure serves them, over Chat Completions and Responses.
    Azure,
    Zai,
    Moonshot,
    Cerebras,
    Fireworks,
    Minimax,
    /// Alibaba's Model Studio (DashScope), in its compatible mode.
    Alibaba,
    /// Anything that speaks Chat Completions: vLLM, llama.cpp, Ollama, other gateways.
    OpenaiCompatible,
    /// The built-in scripted provider, started beside the gateway.
    Mock,
}

impl ProviderKind {
    pub const ALL: [ProviderKind; 20] = [
        ProviderKind::Anthropic,
        ProviderKind::Openai,
        ProviderKind::OpenaiResponses,
        ProviderKind::Gemini,
        ProviderKind::GeminiCompatible,
        ProviderKind::Mistral,
        ProviderKind::Xai,
        ProviderKind::Groq,
        ProviderKind::Together,
        ProviderKind::Deepseek,
        ProviderKind::Openrouter,
        ProviderKind::Azure,
        ProviderKind::Zai,
        ProviderKind::Moonshot,
        ProviderKind::Cerebras,
        ProviderKind::Fireworks,
        ProviderKind::Minimax,
        ProviderKind::Alibaba,
        ProviderKind::OpenaiCompatible,
        ProviderKind::Mock,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Anthropic => "anthropic",
            ProviderKind::Openai => "openai",
            ProviderKind::OpenaiResponses => "openai_responses",
            ProviderKind::Gemini => "gemini",
            ProviderKind::GeminiCompatible => "gemini_compatible",
            ProviderKind::Mistral => "mistral",
            ProviderKind::Xai => "xai",
            ProviderKind::Groq => "groq",
            ProviderKind::Together => "together",
            ProviderKind::Deepseek => "deepseek",
            ProviderKind::Openrouter => "openrouter",
            ProviderKind::Azure => "azure",
            ProviderKind::Zai => "zai",
            ProviderKind::Moonshot => "moonshot",
            ProviderKind::Cerebras => "cerebras",
            ProviderKind::Fireworks => "fireworks",
            ProviderKind::Minimax => "minimax",
            ProviderKind::Alibaba => "alibaba",
            ProviderKind::OpenaiCompatible => "openai_compatible",
            ProviderKind::Mock => "mock",
        }
    }
}

/// What becomes of an attempt whose client leaves after the first content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDisconnect {
    /// The provider is stopped; what it used is estimated.
    #[default]
    Cancel,
    /// The provider is read to its end, for a bounded time, so that its own count is billed.
    Drain,
}

/// How an answer comes from its provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamMode {
    /// As it is made.
    #[default]
    Native,
    /// Whole, when it is ready. The client then gets it as a stream.
    Wrapped,
}

impl StreamMode {
    pub fn as_str(self) -> &'static str {
        match self {
            StreamMode::Native => "native",
            StreamMode::Wrapped => "wrapped",
        }
    }

    /// Of a provider and its model: who cannot stream decides.
    pub fn and(self, other: StreamMode) -> StreamMode {
        match (self, other) {
            (StreamMode::Native, StreamMode::Native) => StreamMode::Native,
            _ => StreamMode::Wrapped,
        }
    }
}

/// A provider as configured. `base_url` has no trailing slash; `network.api_version` says whether
/// it holds the version of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub id: ProviderId,
    pub kind: ProviderKind,
    pub base_url: String,
    /// Left out for self-hosted backends that ask for none.
    pub api_key: Option<Secret>,
    pub on_disconnect: OnDisconnect,
    /// Attempts that it may have at once; left out: no limit.
    pub max_concurrent: Option<u32>,
    pub stream_mode: StreamMode,
    pub network: Network,
    /// In place of the deadlines of all providers.
    pub deadlines: OwnDeadlines,
    /// What its requests say where callers say nothing.
    pub unsaid: Unsaid,
}

/// Text that never shows: its `Debug` form is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Callers put it into a header and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}
