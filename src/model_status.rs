//! What the router can do with a model: the same words for `ainfera models` and `GET /v1/models`.

use ainfera_routing::PolicySettings;
use ainfera_schema::Model;
use ainfera_schema::policy::QualityFloor;
use rust_decimal::Decimal;

/// `routable`, `pinned_only`, or `unpriced`, which no caller can use.
pub fn status(model: &Model) -> &'static str {
    match (&model.price, model.q_prior, model.m_allowed) {
        (None, _, _) => "unpriced",
        (Some(_), Some(_), Some(true)) => "routable",
        (Some(_), _, _) => "pinned_only",
    }
}

/// The floors that calls can name, and that of calls which name none.
pub fn floors(settings: &PolicySettings) -> [(&'static str, Decimal); 4] {
    [
        ("default", settings.default_floor),
        ("good", settings.tiers.floor(QualityFloor::Good)),
        ("production", settings.tiers.floor(QualityFloor::Production)),
        ("frontier", settings.tiers.floor(QualityFloor::Frontier)),
    ]
}

/// Those of them under which the router may choose the model.
pub fn cleared_floors(model: &Model, settings: &PolicySettings) -> Vec<&'static str> {
    let quality = model.q_prior.filter(|_| status(model) == "routable");
    floors(settings)
        .into_iter()
        .filter(|(_, floor)| quality.is_some_and(|quality| quality >= *floor))
        .map(|(name, _)| name)
        .collect()
}
