//! The configuration: plain data, parsed once and validated as a whole. Every mistake is reported
//! at once, with its line and its field.
//!
//! In reading order: [`settings`], [`providers`], [`models`] read the tables; [`builtin`] stands in
//! where a file names neither providers nor models; [`document`] and [`field`] read TOML and
//! collect the [`mistake`]s.

pub mod api_keys;
pub mod audit;
pub mod base_url;
pub mod builtin;
pub mod ca_file;
pub mod capture;
pub mod database;
pub mod defaults;
pub mod deployments;
pub mod doctor;
pub mod document;
pub mod environment;
pub mod field;
pub mod file;
pub mod health;
pub mod killswitch;
pub mod mistake;
pub mod models;
pub mod network;
pub mod no_proxy;
pub mod own_deadlines;
pub mod prices;
pub mod providers;
pub mod proxy;
pub mod reservations;
pub mod secret;
pub mod settings;
pub mod spool;
pub mod stream_mode;
pub mod strict;
mod takes;
pub mod unsaid;
pub mod vendor;
pub mod vendor_prices;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ainfera_actors::capture::acknowledge::Acknowledge;
use ainfera_actors::health::HealthSettings;
use ainfera_routing::ReservationMode;
use ainfera_schema::{Deadlines, Model, ModelSlug, OwnDeadlines, Provider, Usd};

pub use database::{DatabaseUrl, DatabaseUrlError};
pub use environment::{Environment, process_environment};
pub use file::{ConfigError, load};
pub use mistake::Mistake;
pub use settings::{AnswerRetention, Durability, Limits, Overrides, RoutingSettings, TakeOver};
pub use spool::SpoolPlace;

use deployments::Deployed;
use document::{Section, read_document};

/// Everything that an operator decides.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: DatabaseUrl,
    /// Whether the gateway starts on a database that may forget what it has acknowledged.
    pub durability: Durability,
    /// Names this process among those that share a database; the same on every start.
    pub replica: String,
    pub take_over: TakeOver,
    /// How long an idle connection of a client stays open.
    pub keep_alive: Duration,
    /// Worker threads; one for each processor when left out.
    pub workers: Option<usize>,
    /// Calls that may be open at once.
    pub max_in_flight: u32,
    /// Candidates that one call may try.
    pub max_attempts: u32,
    pub providers: Vec<Provider>,
    pub models: Vec<Model>,
    /// Where those models can be had that have several deployments.
    pub deployments: BTreeMap<ModelSlug, Vec<Deployed>>,
    pub deadlines: Deadlines,
    /// Where closed calls wait while the store is away.
    pub spool: SpoolPlace,
    /// Whether an answer's last word waits for its row.
    pub acknowledge: Acknowledge,
    /// What is held while a call runs.
    pub reservations: ReservationMode,
    pub routing: RoutingSettings,
    pub limits: Limits,
    pub audit: audit::AuditSettings,
    /// What all agents together may spend in a UTC day; above it no call is let in.
    pub killswitch_daily_usd: Option<Usd>,
    /// What a new agent gets.
    pub defaults: defaults::AgentDefaults,
    pub answers: AnswerRetention,
    /// Whose calls must arrive as they were sent.
    pub strict: strict::StrictSettings,
    /// How providers that fail are treated.
    pub health: HealthSettings,
    /// How often the database is asked what must always hold; none: never.
    pub doctor_every: Option<Duration>,
}

impl Config {
    /// Reads a configuration file's text. `environment` is asked for the variables that the text
    /// names.
    pub fn from_toml(text: &str, environment: &Environment<'_>) -> Result<Self, Vec<Mistake>> {
        Self::from_toml_with(text, Overrides::default(), environment)
    }

    /// The same, with what the command line puts in front of the file.
    pub fn from_toml_with(
        text: &str,
        overrides: Overrides,
        environment: &Environment<'_>,
    ) -> Result<Self, Vec<Mistake>> {
        read_document(text, |root| read(root, overrides, environment))
    }

    /// The configuration of a gateway that has no file: the defaults, and every provider whose key
    /// is in the environment.
    pub fn from_environment(environment: &Environment<'_>) -> Result<Self, Vec<Mistake>> {
        Self::from_toml("", environment)
    }

    /// What is set for one provider or one model in place of [`Config::deadlines`].
    pub fn own_deadlines(&self) -> impl Iterator<Item = &OwnDeadlines> {
        let providers = self.providers.iter().map(|provider| &provider.deadlines);
        providers.chain(self.models.iter().map(|model| &model.deadlines))
    }
}

fn read(root: &Section<'_>, overrides: Overrides, environment: &Environment<'_>) -> Option<Config> {
    let settings = settings::read(root, overrides, environment);
    let killswitch_daily_usd = killswitch::read(root);
    let health = health::read(root);
    let doctor_every = doctor::read(root);
    let audit = audit::read(root, environment);
    let configured = root.field("providers").map(|_| providers::read(root, environment));
    let own = if configured.is_some() {
        builtin::OwnProviders::Configured
    } else {
        builtin::OwnProviders::None
    };
    let mut configured = configured
        .unwrap_or_else(|| providers::Providers::all_named(builtin::providers(root, environment)));
    let built_in = match builtin::use_of_catalogue(root, own) {
        builtin::Catalogue::BuiltIn => built_in_models(root, &configured.list)?,
        builtin::Catalogue::None => Vec::new(),
    };
    let mut models = models::read(root, &configured.named, built_in);
    api_keys::divide(&configured.keyed, &mut configured.list, &mut models);
    let providers = configured.list;
    models.deployments.retain(|_, deployments| deployments.len() > 1);
    if models.list.is_empty() && root.is_clean() {
        root.refuse_missing("models", "there is none: nothing could be called");
    }
    Some(Config {
        listen: settings.listen,
        database: settings.database,
        durability: settings.durability,
        replica: settings.replica,
        take_over: settings.take_over,
        keep_alive: settings.keep_alive,
        workers: settings.workers,
        max_in_flight: settings.max_in_flight,
        max_attempts: settings.max_attempts,
        providers,
        models: models.list,
        deployments: models.deployments,
        deadlines: settings.deadlines,
        routing: settings.routing,
        limits: settings.limits,
        audit,
        spool: settings.spool,
        acknowledge: capture::read(root),
        reservations: reservations::read(root),
        killswitch_daily_usd,
        defaults: defaults::read(root),
        answers: settings.answers,
        strict: strict::read(root),
        health,
        doctor_every,
    })
}

fn built_in_models(root: &Section<'_>, providers: &[Provider]) -> Option<Vec<Model>> {
    builtin::models(providers)
        .map_err(|mistakes| {
            mistakes.iter().for_each(|mistake| {
                root.refuse_missing("models", format!("built-in catalogue: {mistake}"))
            })
        })
        .ok()
}

#[cfg(test)]
#[path = "config/example_tests.rs"]
mod example_tests;
#[cfg(test)]
mod tests;
