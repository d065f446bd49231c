//! Providers, as an operator would have configured them.

use ainfera_schema::{
    Model, ModelSlug, Network, OnDisconnect, OwnDeadlines, Provider, ProviderId, ProviderKind,
    StreamMode,
};
use ainfera_wire::client::Call;
use ainfera_wire::error::BadRequest;
use ainfera_wire::provider::{Dialect, UpstreamRequest};

/// One that can be sent a call.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub dialect: Dialect,
    pub provider: Provider,
    pub model: Model,
}

impl Upstream {
    pub fn of(kind: ProviderKind) -> Self {
        let id = ProviderId::new("provider");
        Self {
            dialect: Dialect::of(kind),
            provider: Provider {
                id: id.clone(),
                kind,
                base_url: "http://127.0.0.1:1".to_owned(),
                api_key: None,
                on_disconnect: OnDisconnect::Cancel,
                max_concurrent: None,
                stream_mode: StreamMode::Native,
                network: Network::default(),
                deadlines: OwnDeadlines::default(),
                unsaid: ainfera_schema::Unsaid::default(),
            },
            model: Model {
                slug: ModelSlug::new("the-model"),
                provider: id,
                upstream_name: "their-model".to_owned(),
                maker: "maker".to_owned(),
                q_prior: None,
                price: None,
                m_allowed: None,
                supports_tools: true,
                reasoning: None,
                stream_mode: StreamMode::Native,
                context_window: None,
                max_output_tokens: None,
                takes: ainfera_schema::ModelTakes::default(),
                expected_latency_ms: None,
                as_of: None,
                deadlines: OwnDeadlines::default(),
            },
        }
    }

    /// The call as this provider gets it.
    pub fn request(&self, call: &Call) -> Result<UpstreamRequest, BadRequest> {
        self.dialect.request(call, &self.provider, &self.model)
    }
}
