//! What a configuration turns into before anything runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use ainfera_actors::brain::BrainSettings;
use ainfera_actors::capture::acknowledge::Acknowledge;
use ainfera_actors::health::Health;
use ainfera_actors::provider::transport::trust::TlsSettings;
use ainfera_mock::{MockSettings, MockUpstream};
use ainfera_routing::decide::{FloorSource, Ranking};
use ainfera_routing::{
    Catalogue, CatalogueEntry, CatalogueError, DecideOptions, Deployment, Dial, PolicySettings,
};
use ainfera_schema::{Deadlines, Model, Provider, ProviderId, ProviderKind, Usd};

use super::StartError;
use super::{figures_age, floors};
use crate::config::audit::AuditVisibility;
use crate::config::strict::StrictSettings;
use crate::config::vendor_prices;
use crate::config::{AnswerRetention, Config, Limits, process_environment};

/// Shared by all workers, and replaced as a whole by a reload.
pub struct Parts {
    pub catalogue: Arc<Catalogue>,
    pub brain: BrainSettings,
    pub providers: Arc<HashMap<ProviderId, Provider>>,
    pub tls: Arc<TlsSettings>,
    pub deadlines: Deadlines,
    pub health: Arc<Health>,
    pub acknowledge: Acknowledge,
    pub limits: Limits,
    pub answers: AnswerRetention,
    pub strict: StrictSettings,
    pub killswitch_daily_usd: Option<Usd>,
    pub audit_visibility: AuditVisibility,
}

/// The scripted provider, once a configuration has one without an address.
pub type MockSlot = Option<MockUpstream>;

impl Parts {
    /// Also starts the scripted provider, if the configuration has one without an address. `former`
    /// is what is in force: what is known of its providers is kept where they have not changed.
    pub async fn build(
        config: &Config,
        mock: &mut MockSlot,
        former: Option<&Parts>,
    ) -> Result<Self, StartError> {
        let mut providers: HashMap<ProviderId, Provider> = config
            .providers
            .iter()
            .map(|provider| (provider.id.clone(), provider.clone()))
            .collect();
        for provider in providers
            .values_mut()
            .filter(|provider| provider.kind == ProviderKind::Mock && provider.base_url.is_empty())
        {
            if mock.is_none() {
                *mock = Some(
                    MockUpstream::start(MockSettings::default()).await.map_err(StartError::Mock)?,
                );
            }
            provider.base_url = mock.as_ref().map(MockUpstream::base_url).unwrap_or_default();
        }
        let entries = config
            .models
            .iter()
            .filter_map(|model| Some(priced_entry(model, providers.get(&model.provider)?)));
        let catalogue = with_deployments(Catalogue::new(entries.collect())?, config, &providers)?;
        let health = Health::new(config.health, &catalogue, providers.values(), Instant::now());
        let health = match former {
            Some(former) => {
                health.following(&former.health, |id| former.providers.get(id) == providers.get(id))
            }
            None => health,
        };
        let tls = TlsSettings::default();
        for provider in
            providers.values().filter(|provider| provider.base_url.starts_with("https://"))
        {
            tls.of(&provider.network.trust)?;
        }
        let brain = brain_settings(config);
        floors::warn(&config.models, &brain.policy);
        figures_age::warn(&config.models);
        Ok(Self {
            catalogue: Arc::new(catalogue),
            brain,
            providers: Arc::new(providers),
            tls: Arc::new(tls),
            deadlines: config.deadlines,
            health: Arc::new(health),
            acknowledge: config.acknowledge,
            limits: config.limits.clone(),
            answers: config.answers,
            strict: config.strict.clone(),
            killswitch_daily_usd: config.killswitch_daily_usd,
            audit_visibility: config.audit.visibility,
        })
    }
}

fn priced_entry(model: &Model, provider: &Provider) -> CatalogueEntry {
    let kind = provider.kind;
    let price = model
        .price
        .clone()
        .map(|sheet| vendor_prices::completed(sheet, kind, &model.upstream_name));
    // who cannot stream decides
    let stream_mode = provider.stream_mode.and(model.stream_mode);
    let model = Model { price, stream_mode, ..model.clone() };
    CatalogueEntry { model, kind, unsaid: provider.unsaid }
}

fn with_deployments(
    catalogue: Catalogue,
    config: &Config,
    providers: &HashMap<ProviderId, Provider>,
) -> Result<Catalogue, CatalogueError> {
    config.deployments.iter().try_fold(catalogue, |catalogue, (slug, deployments)| {
        let deployments = deployments.iter().filter_map(|deployed| {
            let provider = providers.get(&deployed.model.provider)?;
            Some(Deployment {
                entry: priced_entry(&deployed.model, provider),
                weight: deployed.weight,
            })
        });
        catalogue.with_deployments(slug, deployments.collect())
    })
}

fn brain_settings(config: &Config) -> BrainSettings {
    let routing = &config.routing;
    let options = DecideOptions {
        floor_source: if routing.floor_on_q_prior {
            FloorSource::QPrior
        } else {
            FloorSource::QEmpirical
        },
        ranking: if routing.expected_cost_ranking { Ranking::ExpectedCost } else { Ranking::Price },
        ..DecideOptions::default()
    };
    let always_live = routing.preference_live;
    BrainSettings {
        reservations: config.reservations,
        policy: PolicySettings {
            default_floor: routing.default_floor,
            ..PolicySettings::default()
        },
        options,
        max_attempts: config.max_attempts,
        dial: Arc::new(move || if always_live || gate_is_open() { Dial::Live } else { Dial::Off }),
    }
}

/// Read at each call, so that an operator can turn the dial on and off in a test of a running
/// process.
fn gate_is_open() -> bool {
    process_environment("AINFERA_ROUTING_PREFERENCE_LIVE").as_deref() == Some("1")
}
