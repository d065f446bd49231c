//! What is known of each vendor before anyone configures it: where it is, and which variable
//! usually holds its key.

use ainfera_schema::ProviderKind;

pub struct Vendor {
    pub kind: ProviderKind,
    /// Without `/v1`.
    pub base_url: &'static str,
    pub key_variable: &'static str,
}

/// In the order in which they are offered.
pub const VENDORS: [Vendor; 8] = [
    Vendor {
        kind: ProviderKind::Anthropic,
        base_url: "https://api.anthropic.com",
        key_variable: "ANTHROPIC_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Openai,
        base_url: "https://api.openai.com",
        key_variable: "OPENAI_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Gemini,
        base_url: "https://generativelanguage.googleapis.com",
        key_variable: "GEMINI_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Mistral,
        base_url: "https://api.mistral.ai",
        key_variable: "MISTRAL_API_KEY",
    },
    Vendor { kind: ProviderKind::Xai, base_url: "https://api.x.ai", key_variable: "XAI_API_KEY" },
    Vendor {
        kind: ProviderKind::Groq,
        base_url: "https://api.groq.com/openai",
        key_variable: "GROQ_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Together,
        base_url: "https://api.together.xyz",
        key_variable: "TOGETHER_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Deepseek,
        base_url: "https://api.deepseek.com",
        key_variable: "DEEPSEEK_API_KEY",
    },
];

/// Offered by their keys too, with models that can be pinned; nobody measured any that is routed
/// to. Addresses and variables are from the vendors' pages and from clients' pages on them:
/// docs.z.ai, platform.kimi.ai, inference-docs.cerebras.ai/resources/openai, docs.fireworks.ai,
/// platform.minimax.io/docs/api-reference/text-openai-api, help.aliyun.com/en/model-studio, read on
/// 2026-12-01.
pub const PINNED_VENDORS: [Vendor; 6] = [
    Vendor {
        kind: ProviderKind::Zai,
        base_url: "https://api.z.ai/api/paas",
        key_variable: "ZAI_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Moonshot,
        base_url: "https://api.moonshot.ai",
        key_variable: "MOONSHOT_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Cerebras,
        base_url: "https://api.cerebras.ai",
        key_variable: "CEREBRAS_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Fireworks,
        base_url: "https://api.fireworks.ai/inference",
        key_variable: "FIREWORKS_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Minimax,
        base_url: "https://api.minimax.io",
        key_variable: "MINIMAX_API_KEY",
    },
    Vendor {
        kind: ProviderKind::Alibaba,
        base_url: "https://dashscope-intl.aliyuncs.com/compatible-mode",
        key_variable: "DASHSCOPE_API_KEY",
    },
];

/// Known by address, but their models and prices are too many to be built in.
const GATEWAYS: [Vendor; 1] = [Vendor {
    kind: ProviderKind::Openrouter,
    base_url: "https://openrouter.ai/api",
    key_variable: "OPENROUTER_API_KEY",
}];

/// The vendor behind a kind; self-hosted backends and the scripted provider have none.
pub fn vendor(kind: ProviderKind) -> Option<&'static Vendor> {
    // Two dialects of one vendor: one address, one key.
    let offered = match kind {
        ProviderKind::OpenaiResponses => ProviderKind::Openai,
        ProviderKind::GeminiCompatible => ProviderKind::Gemini,
        other => other,
    };
    VENDORS.iter().chain(&PINNED_VENDORS).chain(&GATEWAYS).find(|vendor| vendor.kind == offered)
}
