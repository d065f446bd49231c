//! `providers` of a model: the same model at several providers, each perhaps under another name and
//! at another price.

use std::collections::{BTreeMap, BTreeSet};

use ainfera_schema::{Model, ModelSlug, PriceSheet, ProviderId};

use super::document::Section;
use super::models::read_provider;
use super::prices::read_sheet;

const HEAVIEST: u64 = 1_000;

/// The models of a configuration, and where those can be had that have several deployments.
#[derive(Debug, Default)]
pub struct ModelsByPlace {
    pub list: Vec<Model>,
    pub deployments: BTreeMap<ModelSlug, Vec<Deployed>>,
}

/// A model as one of its providers serves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployed {
    pub model: Model,
    pub weight: u64,
}

/// One entry of `providers`.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    pub provider: ProviderId,
    pub weight: u64,
    upstream_name: Option<String>,
    pub price: Option<PriceSheet>,
}

/// Reads the list of a model. `named` are the ids that a model may name.
pub fn read(model: &Section<'_>, named: &BTreeSet<String>) -> Option<Vec<Place>> {
    let field = model.field("providers")?;
    let mut ids = BTreeSet::new();
    let places = model.each("providers", |section| read_one(section, named, &mut ids));
    if places.is_empty() {
        if model.is_clean() {
            field.refuse("must name at least one provider");
        }
        return None;
    }
    let unpriced = places.iter().find(|place| place.price.is_none());
    let is_priced = model.field("price").is_some();
    if let Some(unpriced) =
        unpriced.filter(|_| !is_priced && places.iter().any(|place| place.price.is_some()))
    {
        let id = &unpriced.provider;
        field.refuse(format!("provider \"{id}\" has no price: give each provider one, or the model one for all that have none"));
    }
    Some(places)
}

fn read_one(
    section: &Section<'_>,
    named: &BTreeSet<String>,
    ids: &mut BTreeSet<String>,
) -> Option<Place> {
    let field = section.required("id");
    let id = field.as_ref().and_then(|field| read_provider(field, named));
    if let (Some(field), Some(id)) = (&field, id)
        && !ids.insert(id.to_owned())
    {
        field.refuse(format!("\"{id}\" is an earlier provider of this model"));
    }
    let weight = read_weight(section);
    let upstream_name =
        section.field("upstream_name").and_then(|field| field.text().map(str::to_owned));
    let price = section.field("price").and_then(|field| field.table(read_sheet));
    Some(Place { provider: ProviderId::new(id?), weight, upstream_name, price })
}

/// A share in proportion to the others. Left out: 1.
pub(super) fn read_weight(section: &Section<'_>) -> u64 {
    section.field("weight").and_then(|field| field.whole(1..=HEAVIEST)).unwrap_or(1)
}

impl Place {
    /// `model` as it is served here.
    pub fn deployed(&self, model: &Model) -> Deployed {
        let mut here = model.clone();
        here.provider = self.provider.clone();
        here.price = self.price.clone().or_else(|| model.price.clone());
        if let Some(name) = &self.upstream_name {
            here.upstream_name.clone_from(name);
        }
        Deployed { model: here, weight: self.weight }
    }
}

#[cfg(test)]
#[path = "deployments_tests.rs"]
mod tests;
