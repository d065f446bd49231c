//! From what the caller asks and what the agent's owner set to the one policy that a decision is
//! made by.
//!
//! Nothing else is a source: no table of weights, no environment. The caller of [`resolve_policy`]
//! reads the dial's gate anew for each call.

use ainfera_schema::policy::{QualityFloor, RoutingHint, RoutingPreference};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::preset::Preset;

/// The floor where neither the call nor the agent names one.
pub const DEFAULT_FLOOR: Decimal = hundredths(50);
pub const GOOD_FLOOR: Decimal = hundredths(50);
/// This value is ours: the original system has a floor of this name, but its value was never
/// published. It is the floor that the original later used for general tasks.
pub const PRODUCTION_FLOOR: Decimal = hundredths(68);
pub const FRONTIER_FLOOR: Decimal = hundredths(85);

/// How far the dial moves the default floor, and where it stops.
const DIAL_STEP: Decimal = hundredths(10);
const DIAL_HIGHEST: Decimal = hundredths(85);
const DIAL_LOWEST: Decimal = hundredths(50);

/// The limits of one decision. A candidate that just meets a limit passes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    pub min_quality: Decimal,
    pub budget_cap_usd: Option<Decimal>,
    pub latency_cap_ms: Option<u64>,
    pub agentic_floor: Option<Decimal>,
    pub preset: Preset,
}

/// What the operator may set.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySettings {
    pub default_floor: Decimal,
    pub tiers: TierFloors,
}

/// What the names of quality floors stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct TierFloors {
    pub good: Decimal,
    pub production: Decimal,
    pub frontier: Decimal,
}

/// Whether `routing_preference` has an effect (`AINFERA_ROUTING_PREFERENCE_LIVE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dial {
    Live,
    Off,
}

/// The call's hint beats the agent's defaults, field by field; an exact floor beats a named one
/// beside it. The agent's caps are none of it: what is known of them here may be some seconds old,
/// so they are held where the call is admitted.
pub fn resolve_policy(
    hint: &RoutingHint,
    defaults: &RoutingHint,
    settings: &PolicySettings,
    dial: Dial,
) -> Policy {
    let explicit_floor =
        settings.explicit_floor(hint).or_else(|| settings.explicit_floor(defaults));
    let preference = hint.routing_preference.or(defaults.routing_preference).unwrap_or_default();
    let (min_quality, preset) = match (explicit_floor, dial) {
        // A floor that the caller or its owner set stays as it is. The preference cannot lower it.
        (Some(floor), _) => (floor, Preset::Balanced),
        (None, Dial::Off) => (settings.default_floor, Preset::Balanced),
        (None, Dial::Live) => turn_dial(settings.default_floor, preference),
    };
    Policy {
        min_quality,
        budget_cap_usd: hint.budget_cap_usd.or(defaults.budget_cap_usd),
        latency_cap_ms: hint.latency_cap_ms.or(defaults.latency_cap_ms).map(u64::from),
        agentic_floor: None,
        preset,
    }
}

fn turn_dial(default_floor: Decimal, preference: RoutingPreference) -> (Decimal, Preset) {
    match preference {
        RoutingPreference::Balanced => (default_floor, Preset::Balanced),
        RoutingPreference::Quality => {
            (default_floor.saturating_add(DIAL_STEP).min(DIAL_HIGHEST), Preset::QualityFirst)
        }
        RoutingPreference::Cost => {
            (default_floor.saturating_sub(DIAL_STEP).max(DIAL_LOWEST), Preset::CostFirst)
        }
    }
}

impl Policy {
    /// A floor and no other limit.
    pub fn with_floor(min_quality: Decimal) -> Self {
        Self {
            min_quality,
            budget_cap_usd: None,
            latency_cap_ms: None,
            agentic_floor: None,
            preset: Preset::Balanced,
        }
    }
}

impl PolicySettings {
    fn explicit_floor(&self, hint: &RoutingHint) -> Option<Decimal> {
        hint.min_quality.or_else(|| hint.quality_floor.map(|floor| self.tiers.floor(floor)))
    }
}

impl TierFloors {
    pub fn floor(&self, name: QualityFloor) -> Decimal {
        match name {
            QualityFloor::Good => self.good,
            QualityFloor::Production => self.production,
            QualityFloor::Frontier => self.frontier,
        }
    }
}

impl Default for PolicySettings {
    fn default() -> Self {
        Self { default_floor: DEFAULT_FLOOR, tiers: TierFloors::default() }
    }
}

impl Default for TierFloors {
    fn default() -> Self {
        Self { good: GOOD_FLOOR, production: PRODUCTION_FLOOR, frontier: FRONTIER_FLOOR }
    }
}

const fn hundredths(count: u32) -> Decimal {
    Decimal::from_parts(count, 0, 0, false, 2)
}

#[cfg(test)]
mod tests;
