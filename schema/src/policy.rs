//! What a caller may ask of the router in the request body, as parsed from the wire.
//! `ainfera-routing` resolves it to a policy.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Usd;

/// Names of quality floors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QualityFloor {
    Frontier,
    Production,
    Good,
}

/// The dial between quality and cost. An unknown word on the wire is `balanced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", from = "String")]
pub enum RoutingPreference {
    Quality,
    #[default]
    Balanced,
    Cost,
}

impl From<String> for RoutingPreference {
    fn from(word: String) -> Self {
        match word.as_str() {
            "quality" => RoutingPreference::Quality,
            "cost" => RoutingPreference::Cost,
            _ => RoutingPreference::Balanced,
        }
    }
}

/// The body field `routing_hint` (and the top-level `routing_preference`, which it absorbs).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoutingHint {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality_floor: Option<QualityFloor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_quality: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_cap_usd: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_cap_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_preference: Option<RoutingPreference>,
}

/// What an agent's owner allows it to spend, and the routing defaults of the agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpendPolicy {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_call_cap_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_cap_usd: Option<Usd>,
    #[serde(default, skip_serializing_if = "CapSource::is_owner")]
    pub daily_cap_source: CapSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_cap_usd: Option<Usd>,
    /// Applies where the call itself says nothing.
    #[serde(default)]
    pub routing_defaults: RoutingHint,
    #[serde(default, skip_serializing_if = "PriorityCeiling::is_default")]
    pub priority_ceiling: PriorityCeiling,
}

/// Who set a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapSource {
    /// The agent's owner: it stands in place of the tenant's cap of the same kind.
    #[default]
    Owner,
    /// The agent was made with it. The tenant's cap of the same kind counts beside it.
    Default,
}

impl CapSource {
    fn is_owner(&self) -> bool {
        *self == CapSource::Owner
    }
}

/// The highest priority that a caller's word is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriorityCeiling {
    #[default]
    Default,
    Critical,
}

impl PriorityCeiling {
    fn is_default(&self) -> bool {
        *self == PriorityCeiling::Default
    }
}
