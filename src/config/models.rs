//! The `[[models]]` tables.

use std::collections::{BTreeMap, BTreeSet};

use ainfera_schema::{Model, ModelSlug, ProviderId, Reasoning};
use rust_decimal::Decimal;

use super::deployments::{self, ModelsByPlace, Place};
use super::document::Section;
use super::field::Field;
use super::mistake::did_you_mean;
use super::own_deadlines;
use super::prices::read_sheet;
use super::stream_mode;
use super::takes;

/// More tokens than any window holds.
const MOST_TOKENS: u64 = 1_000_000_000;
const LONGEST_LATENCY_MS: u64 = 3_600_000;

/// Reads every model. `providers` are the ids that a model may name. A model of `built_in` that a
/// table names keeps what the table leaves out; those that no table names follow at the end.
pub fn read(
    root: &Section<'_>,
    providers: &BTreeSet<String>,
    built_in: Vec<Model>,
) -> ModelsByPlace {
    let mut slugs = BTreeSet::new();
    let mut deployments = BTreeMap::new();
    let mut known: BTreeMap<String, Model> =
        built_in.iter().map(|model| (model.slug.to_string(), model.clone())).collect();
    let mut list = root.each("models", |section| {
        let places = deployments::read(section, providers);
        let first = places.as_ref().and_then(|places| places.first());
        let model = read_one(section, providers, first, &mut slugs, &mut known)?;
        if let Some(places) = &places {
            deployments.insert(
                model.slug.clone(),
                places.iter().map(|place| place.deployed(&model)).collect(),
            );
        }
        Some(model)
    });
    list.extend(built_in.into_iter().filter(|model| known.contains_key(model.slug.as_str())));
    ModelsByPlace { list, deployments }
}

/// True if a table of `[[models]]` names no provider, so that it can only correct a built-in model.
pub fn correct_the_catalogue(root: &Section<'_>) -> bool {
    root.field("models").is_some_and(|field| field.has_a_table_without(&["provider", "providers"]))
}

/// `first` is the first of several providers, `known` what the built-in models say.
fn read_one(
    section: &Section<'_>,
    providers: &BTreeSet<String>,
    first: Option<&Place>,
    slugs: &mut BTreeSet<String>,
    known: &mut BTreeMap<String, Model>,
) -> Option<Model> {
    let slug = read_slug(section, slugs);
    let corrected = slug.and_then(|slug| known.remove(slug));
    let provider = read_only_provider(section, providers, first, corrected.as_ref());
    // The same name at another provider is another model.
    let corrected = corrected
        .as_ref()
        .filter(|model| first.is_none() && provider == Some(model.provider.as_str()));
    let upstream_name = section.field("upstream_name").and_then(|field| field.text());
    let maker = section.field("maker").and_then(|field| field.name());
    let q_prior = section.field("q_prior").and_then(|field| read_quality(&field));
    let price = section
        .field("price")
        .and_then(|field| field.table(read_sheet))
        .or_else(|| first.and_then(|place| place.price.clone()));
    let m_allowed = section.field("m_allowed").and_then(|field| field.flag());
    let supports_tools = section.field("supports_tools").and_then(|field| field.flag());
    let supports_tools =
        supports_tools.or(corrected.map(|model| model.supports_tools)).unwrap_or(true);
    let reasoning = section.field("reasoning").and_then(|field| field.flag());
    let reasoning =
        reasoning.map(|reasons| if reasons { Reasoning::Always } else { Reasoning::Never });
    let tokens = |key| section.field(key).and_then(|field| field.whole(1..=MOST_TOKENS));
    let context_window = tokens("context_window");
    let max_output_tokens = tokens("max_output_tokens");
    let latency_ms =
        section.field("expected_latency_ms").and_then(|field| field.whole(1..=LONGEST_LATENCY_MS));
    let takes = takes::read(section, corrected.map(|model| &model.takes));
    let as_of = section.field("as_of").and_then(|field| read_date(&field));
    // Where the figures come from: for people who read the file.
    for note in ["source", "q_source"] {
        section.field(note).and_then(|field| field.text());
    }
    Some(Model {
        slug: ModelSlug::new(slug?),
        provider: ProviderId::new(provider?),
        upstream_name: upstream_name
            .or(corrected.map(|model| model.upstream_name.as_str()))
            .or(slug)?
            .to_owned(),
        maker: maker.or(corrected.map(|model| model.maker.as_str())).or(provider)?.to_owned(),
        q_prior: q_prior.or(corrected.and_then(|model| model.q_prior)),
        // a price of the operator's own has no date unless they give it one
        as_of: as_of.or(corrected.filter(|_| price.is_none()).and_then(|model| model.as_of)),
        price: price.or(corrected.and_then(|model| model.price.clone())),
        m_allowed: m_allowed.or(corrected.and_then(|model| model.m_allowed)),
        supports_tools,
        reasoning: reasoning.or(corrected.and_then(|model| model.reasoning)),
        takes,
        stream_mode: stream_mode::read(section),
        context_window: context_window.or(corrected.and_then(|model| model.context_window)),
        max_output_tokens: max_output_tokens
            .or(corrected.and_then(|model| model.max_output_tokens)),
        expected_latency_ms: latency_ms.and_then(|latency_ms| u32::try_from(latency_ms).ok()),
        deadlines: own_deadlines::read(section),
    })
}

fn read_slug<'d>(section: &Section<'d>, slugs: &mut BTreeSet<String>) -> Option<&'d str> {
    let field = section.required("slug")?;
    let slug = field.name()?;
    if !slugs.insert(slug.to_owned()) {
        field.refuse(format!("\"{slug}\" is the slug of an earlier model"));
    } else if is_routing_name(slug) {
        field.refuse(format!(
            "\"{slug}\" is a routing name: a model of this name could not be pinned"
        ));
    }
    Some(slug)
}

/// The id under `provider`, or the first of several under `providers`, or that of the built-in
/// model.
fn read_only_provider<'a>(
    section: &Section<'a>,
    providers: &BTreeSet<String>,
    first: Option<&'a Place>,
    corrected: Option<&'a Model>,
) -> Option<&'a str> {
    let has_several = section.field("providers").is_some();
    match section.field("provider") {
        Some(field) if has_several => {
            field.refuse("give either provider or providers, not both");
            None
        }
        Some(field) => read_provider(&field, providers),
        None if has_several => first.map(|place| place.provider.as_str()),
        None if corrected.is_some() => corrected.map(|model| model.provider.as_str()),
        None => {
            section.refuse_missing(
                "provider",
                "is missing; only a built-in model of a configured provider goes without",
            );
            None
        }
    }
}

pub(super) fn read_provider<'d>(
    field: &Field<'d>,
    providers: &BTreeSet<String>,
) -> Option<&'d str> {
    let id = field.name()?;
    if !providers.contains(id) {
        let offer = did_you_mean(id, providers.iter().map(String::as_str));
        field.refuse_reference(format!("there is no provider \"{id}\"{offer}"));
    }
    Some(id)
}

fn read_date(field: &Field<'_>) -> Option<jiff::civil::Date> {
    let date = field.text()?.parse().ok();
    if date.is_none() {
        field.refuse("must be a day such as \"2026-11-30\"");
    }
    date
}

/// A quality from 0 to 1.
pub(super) fn read_quality(field: &Field<'_>) -> Option<Decimal> {
    let quality = field.decimal()?;
    if quality < Decimal::ZERO || quality > Decimal::ONE {
        field.refuse(format!("must be from 0 to 1, not {quality}"));
        return None;
    }
    Some(quality)
}

fn is_routing_name(slug: &str) -> bool {
    matches!(ainfera_routing::RouteTarget::parse(slug), ainfera_routing::RouteTarget::Routed { .. })
}
