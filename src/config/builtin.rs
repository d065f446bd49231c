//! What is served when the configuration names neither providers nor models: the vendors whose key
//! is in the environment, or else the scripted provider with a few well-known models, so that the
//! first minute needs nothing.

use std::collections::BTreeSet;

use ainfera_schema::{
    Model, Network, OnDisconnect, OwnDeadlines, Provider, ProviderId, ProviderKind, Secret,
    StreamMode,
};

use super::document::{Section, read_document};
use super::environment::{Environment, non_empty};
use super::mistake::Mistake;
use super::models;
use super::network;
use super::secret::fits_header;
use super::unsaid;
use super::vendor::{PINNED_VENDORS, VENDORS, vendor};

/// Models of the vendors, under the vendor's own word as provider id.
const CATALOGUE: &str = include_str!("catalogue.toml");
/// The scripted provider's models.
const DEMONSTRATION: &str = include_str!("demonstration.toml");

/// Whether the built-in models are served beside those of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Catalogue {
    BuiltIn,
    /// Only the models of the file.
    None,
}

/// Whether the file says who serves models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnProviders {
    Configured,
    None,
}

/// What `catalogue` says. Left out, a file that names providers and defines models of its own is
/// complete as it is: none is routed to that it does not name. In any other file the built-in
/// models stay, and a table of `[[models]]` adds one or corrects one.
pub fn use_of_catalogue(root: &Section<'_>, own: OwnProviders) -> Catalogue {
    let words = [("built_in", Catalogue::BuiltIn), ("none", Catalogue::None)];
    let said = root.field("catalogue").and_then(|field| field.one_of(&words));
    let is_complete = own == OwnProviders::Configured
        && root.field("models").is_some()
        && !models::correct_the_catalogue(root);
    said.unwrap_or(if is_complete { Catalogue::None } else { Catalogue::BuiltIn })
}

/// The vendors whose key is set, or the scripted provider. A key that cannot be sent is reported at
/// the root.
pub fn providers(root: &Section<'_>, environment: &Environment<'_>) -> Vec<Provider> {
    let mut providers = Vec::new();
    for vendor in VENDORS.iter().chain(&PINNED_VENDORS) {
        let Some(key) = non_empty(environment, vendor.key_variable) else { continue };
        if !fits_header(&key) {
            root.refuse_missing(
                "providers",
                format!("the environment variable {} holds more than a key", vendor.key_variable),
            );
        }
        providers.push(Provider {
            id: ProviderId::new(vendor.kind.as_str()),
            kind: vendor.kind,
            base_url: vendor.base_url.to_owned(),
            api_key: Some(Secret::new(key)),
            on_disconnect: OnDisconnect::default(),
            max_concurrent: None,
            stream_mode: StreamMode::Native,
            network: network::without_a_table(root, vendor.base_url, environment),
            deadlines: OwnDeadlines::default(),
            unsaid: unsaid::of_kind(vendor.kind, false),
        });
    }
    if providers.is_empty() {
        let id = ProviderId::new(ProviderKind::Mock.as_str());
        providers.push(Provider {
            id,
            kind: ProviderKind::Mock,
            base_url: String::new(),
            api_key: None,
            on_disconnect: OnDisconnect::default(),
            max_concurrent: None,
            stream_mode: StreamMode::Native,
            network: Network::default(),
            deadlines: OwnDeadlines::default(),
            unsaid: unsaid::of_kind(ProviderKind::Mock, false),
        });
    }
    providers
}

/// The built-in models of `providers`; of two providers of one vendor, the first one's.
pub fn models(providers: &[Provider]) -> Result<Vec<Model>, Vec<Mistake>> {
    let mut served = Vec::new();
    for built_in in [CATALOGUE, DEMONSTRATION].map(parse) {
        for mut model in built_in? {
            let server = providers
                .iter()
                .find(|provider| vendor_word(provider.kind) == model.provider.as_str());
            if let Some(provider) = server {
                model.provider = provider.id.clone();
                served.push(model);
            }
        }
    }
    let mut slugs = BTreeSet::new();
    served.retain(|model| slugs.insert(model.slug.clone()));
    Ok(served)
}

/// Two dialects of one vendor have the same models.
fn vendor_word(kind: ProviderKind) -> &'static str {
    vendor(kind).map_or(kind, |vendor| vendor.kind).as_str()
}

fn parse(text: &str) -> Result<Vec<Model>, Vec<Mistake>> {
    let ids: BTreeSet<String> =
        ProviderKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    read_document(text, |root| Some(models::read(root, &ids, Vec::new()).list))
}
