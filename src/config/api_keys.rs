//! `api_keys` of a provider: several keys for the same address. Each key is a provider of its own
//! to the rest of the gateway, named `provider#key`, because a vendor limits, bills and refuses by
//! key.

use std::collections::BTreeSet;

use ainfera_schema::provider::KEY_SEPARATOR;
use ainfera_schema::{Provider, ProviderId, Secret};

use super::deployments::{Deployed, ModelsByPlace, read_weight};
use super::document::Section;
use super::environment::Environment;
use super::secret;

/// A provider's keys share its weight exactly where this can be divided by the sum of theirs, and
/// nearly elsewhere.
const WEIGHT_UNIT: u64 = 1_000_000;

/// One key of a provider.
#[derive(Debug, Clone)]
pub struct NamedKey {
    pub name: String,
    pub key: Secret,
    pub weight: u64,
}

/// A provider that has several keys.
#[derive(Debug, Clone)]
pub struct KeyedProvider {
    pub id: ProviderId,
    pub keys: Vec<NamedKey>,
}

/// Reads the list. Empty where there is none, or where all of it is mistaken.
pub fn read(provider: &Section<'_>, environment: &Environment<'_>) -> Vec<NamedKey> {
    let mut names = BTreeSet::new();
    let mut position = 0;
    provider.each("api_keys", |section| {
        position += 1;
        read_one(section, environment, position, &mut names)
    })
}

fn read_one(
    section: &Section<'_>,
    environment: &Environment<'_>,
    position: usize,
    names: &mut BTreeSet<String>,
) -> Option<NamedKey> {
    let field = section.field("name");
    let name = match &field {
        Some(field) => field.name()?.to_owned(),
        None => position.to_string(),
    };
    if !names.insert(name.clone()) {
        let message = format!("\"{name}\" is the name of an earlier key");
        match &field {
            Some(field) => field.refuse(message),
            None => section.refuse_missing("name", message),
        }
    }
    let weight = read_weight(section);
    Some(NamedKey { key: secret::read_from(section, environment)?, name, weight })
}

/// Puts a provider for each key in the place of a provider with several, and deployments at them in
/// the place of its models.
pub fn divide(keyed: &[KeyedProvider], providers: &mut Vec<Provider>, models: &mut ModelsByPlace) {
    for provider in keyed {
        let all: u64 = provider.keys.iter().map(|key| key.weight).sum();
        let places: Vec<(ProviderId, u64)> = provider
            .keys
            .iter()
            .map(|key| {
                (
                    id_with_key(&provider.id, &key.name),
                    (key.weight * WEIGHT_UNIT / all.max(1)).max(1),
                )
            })
            .collect();
        *providers = std::mem::take(providers)
            .into_iter()
            .flat_map(|whole| divided(whole, provider))
            .collect();
        models.replace_provider(&provider.id, &places, WEIGHT_UNIT);
    }
}

fn divided(whole: Provider, keyed: &KeyedProvider) -> Vec<Provider> {
    if whole.id != keyed.id {
        return vec![whole];
    }
    let with_key = |key: &NamedKey| Provider {
        id: id_with_key(&whole.id, &key.name),
        api_key: Some(key.key.clone()),
        ..whole.clone()
    };
    keyed.keys.iter().map(with_key).collect()
}

fn id_with_key(id: &ProviderId, key: &str) -> ProviderId {
    ProviderId::new(format!("{id}{KEY_SEPARATOR}{key}"))
}

impl ModelsByPlace {
    /// Every deployment at `provider` becomes one at each of `places`, which share its weight; all
    /// others keep theirs in proportion.
    fn replace_provider(&mut self, provider: &ProviderId, places: &[(ProviderId, u64)], unit: u64) {
        let at = |deployed: &Deployed, place: &(ProviderId, u64)| {
            let mut model = deployed.model.clone();
            model.provider = place.0.clone();
            Deployed { model, weight: deployed.weight.saturating_mul(place.1) }
        };
        for model in self.list.iter_mut() {
            let deployments = self
                .deployments
                .entry(model.slug.clone())
                .or_insert_with(|| vec![Deployed { model: model.clone(), weight: 1 }]);
            if deployments.iter().all(|deployed| deployed.model.provider != *provider) {
                continue;
            }
            let divided = deployments.iter().flat_map(|deployed| {
                if deployed.model.provider == *provider {
                    places.iter().map(|place| at(deployed, place)).collect()
                } else {
                    vec![Deployed {
                        weight: deployed.weight.saturating_mul(unit),
                        ..deployed.clone()
                    }]
                }
            });
            *deployments = divided.collect();
            if let Some(first) = deployments.first() {
                model.provider = first.model.provider.clone();
            }
        }
    }
}
