//! The models of one history, and where they can be had: made up from the seed.

use std::time::Duration;

use ainfera_actors::dispatch::machine::attempt_meter::{AttemptBounds, AttemptMeter};
use ainfera_actors::dispatch::machine::candidates::{Candidate, ToolSupport};
use ainfera_actors::dispatch::machine::input::Offer;
use ainfera_routing::{CatalogueEntry, DeploymentIndex, ReservationMode};
use ainfera_schema::{
    Bounds, Model, ModelSlug, OnDisconnect, OwnDeadlines, Price, PriceSheet, ProviderId,
    ProviderKind, RequestedService, ServerTool, StreamMode, ToolUses, Unsaid, Usd,
};
use rust_decimal::Decimal;

use crate::random::Random;

pub const ESTIMATED_INPUT_TOKENS: u64 = 300;

/// One model at one provider. Prices are in nano-dollars for a token, which is 1,000 times the
/// price in dollars for a million.
#[derive(Debug, Clone)]
pub struct Deployed {
    pub index: DeploymentIndex,
    pub input_nanos: i64,
    pub output_nanos: i64,
    pub bounds: Bounds,
    pub first_output_tokens: u64,
    pub on_disconnect: OnDisconnect,
    pub total: Duration,
    entry: CatalogueEntry,
    pub context_window: Option<u64>,
    pub tools: ToolSupport,
}

#[derive(Debug)]
pub struct Market {
    pub deployed: Vec<Deployed>,
}

impl Market {
    pub fn new(random: &mut Random, mode: ReservationMode) -> Self {
        let mut deployed = Vec::new();
        let output_tokens = [64, 2_000, 9_000, 20_000][random.below(4)];
        for model in 0..1 + random.below(4) {
            for deployment in 0..1 + random.below(2) {
                let index = DeploymentIndex { model, deployment };
                deployed.push(Deployed::new(random, mode, index, output_tokens));
            }
        }
        Self { deployed }
    }

    pub fn at(&self, index: DeploymentIndex) -> &Deployed {
        self.deployed.iter().find(|deployed| deployed.index == index).unwrap()
    }

    /// What the dearest deployment of the model has reserved before it is asked.
    pub fn reservation(&self, model: usize) -> Usd {
        let of_model = self.deployed.iter().filter(|deployed| deployed.index.model == model);
        of_model.map(|deployed| deployed.reservation(deployed.first_output_tokens)).max().unwrap()
    }

    pub fn candidates(&self) -> Vec<Candidate> {
        let candidate = |deployed: &Deployed| Candidate {
            deployment: deployed.index,
            reservation: self.reservation(deployed.index.model),
            context_window: deployed.context_window,
            tools: deployed.tools,
        };
        self.deployed.iter().map(candidate).collect()
    }
}

impl Deployed {
    fn new(
        random: &mut Random,
        mode: ReservationMode,
        index: DeploymentIndex,
        output_tokens: u64,
    ) -> Self {
        let (input, output) = (1 + random.below(5), 1 + random.below(20));
        let context_window = random.percent(70).then(|| 100_000 + 1_000 * index.model as u64);
        let bounds = Bounds {
            input_tokens: 1_000,
            output_tokens,
            caches_for_an_hour: false,
            tool_uses: ToolUses::NONE,
            service: RequestedService::default(),
        };
        let tools =
            if random.percent(80) { ToolSupport::Supported } else { ToolSupport::Unsupported };
        let on_disconnect =
            if random.percent(50) { OnDisconnect::Cancel } else { OnDisconnect::Drain };
        Self {
            index,
            input_nanos: 1_000 * i64::try_from(input).unwrap(),
            output_nanos: 1_000 * i64::try_from(output).unwrap(),
            bounds,
            first_output_tokens: mode.first_output_tokens(output_tokens, StreamMode::Native),
            on_disconnect,
            total: Duration::from_secs(60 * (1 + random.next() % 9)),
            entry: entry(index, [input, output], context_window),
            context_window,
            tools,
        }
    }

    /// What so much output and the most input come to.
    pub fn reservation(&self, output_tokens: u64) -> Usd {
        self.cost(self.bounds.input_tokens, output_tokens.min(self.bounds.output_tokens))
    }

    pub fn cost(&self, input_tokens: u64, output_tokens: u64) -> Usd {
        let times = |tokens: u64, nanos: i64| i64::try_from(tokens).unwrap() * nanos;
        Usd::from_nanos(
            times(input_tokens, self.input_nanos) + times(output_tokens, self.output_nanos),
        )
    }

    /// Of a tool that is free here, and counted all the same.
    pub fn certain_uses(&self) -> ToolUses {
        ToolUses { web_search: u32::from(self.tools == ToolSupport::Supported), ..ToolUses::NONE }
    }

    pub fn offer(&self) -> Offer {
        let asked = AttemptBounds {
            estimated_input_tokens: ESTIMATED_INPUT_TOKENS,
            bounds: self.bounds,
            certain_uses: self.certain_uses(),
        };
        let begun = "2026-11-30T12:00:00Z".parse().unwrap();
        Offer {
            deployment: self.index,
            meter: AttemptMeter::new(self.entry.clone(), asked, begun).unwrap(),
            first_output_tokens: self.first_output_tokens,
            total: self.total,
            on_disconnect: self.on_disconnect,
        }
    }
}

fn entry(
    index: DeploymentIndex,
    [input, output]: [usize; 2],
    context_window: Option<u64>,
) -> CatalogueEntry {
    let price = Price {
        input: Decimal::from(input),
        output: Decimal::from(output),
        cache_read: None,
        cache_write: None,
        cache_write_1h: None,
        reasoning: None,
    };
    let slug = format!("model-{}", index.model);
    let model = Model {
        slug: ModelSlug::new(slug.as_str()),
        provider: ProviderId::new(format!("provider-{}", index.deployment).as_str()),
        upstream_name: slug,
        maker: "maker".to_owned(),
        q_prior: None,
        price: Some(PriceSheet {
            per_use: [(ServerTool::WebSearch, Decimal::ZERO)].into(),
            ..PriceSheet::from(price)
        }),
        m_allowed: Some(true),
        supports_tools: true,
        reasoning: None,
        stream_mode: StreamMode::Native,
        context_window,
        max_output_tokens: None,
        takes: ainfera_schema::ModelTakes::default(),
        expected_latency_ms: None,
        as_of: None,
        deadlines: OwnDeadlines::default(),
    };
    CatalogueEntry { model, kind: ProviderKind::Anthropic, unsaid: Unsaid::default() }
}
