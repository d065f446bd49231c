//! The fingerprint of the rules that a decision was made by: two decisions with the same hash went
//! through the same gates and the same order.
//!
//! Known gap, kept for compatibility: neither the agentic floor nor the source of the floor value
//! shows in the hash.

use std::fmt;
use std::sync::LazyLock;

use ainfera_schema::audit::hex;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::decide::{DecideOptions, Ranking};
use crate::policy::Policy;
use crate::preset::Preset;

/// The version of the rules, part of every decision and every policy version.
pub const POLICY_SEMVER: &str = "1.0.0";

/// Eight lower hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct RulesetHash(&'static str);

/// Which optional mechanisms took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mechanisms {
    /// Some maker has a penalty.
    pub diversity: bool,
    /// There is a latency cap.
    pub latency: bool,
    /// Ranked by expected cost per success.
    pub expected_cost: bool,
}

/// The hash of the rules that `decide` applies under `policy` and `options`.
pub fn ruleset_hash(policy: &Policy, options: &DecideOptions) -> RulesetHash {
    Mechanisms {
        diversity: options.maker_penalty.values().any(|penalty| *penalty > Decimal::ZERO),
        latency: policy.latency_cap_ms.is_some(),
        expected_cost: options.ranking == Ranking::ExpectedCost,
    }
    .hash()
}

/// `{preset}@{semver}+{ruleset_hash}`, as in `cost_first@1.0.0+07dbdce7`.
pub fn policy_version(preset: Preset, hash: RulesetHash) -> String {
    format!("{}@{POLICY_SEMVER}+{hash}", preset.as_str())
}

impl RulesetHash {
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for RulesetHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// There are eight rule sets in all, so each is hashed once in the life of the process.
static HASHES: LazyLock<[String; 8]> =
    LazyLock::new(|| std::array::from_fn(|index| Mechanisms::from_index(index).compute()));

impl Mechanisms {
    pub fn hash(self) -> RulesetHash {
        RulesetHash(&HASHES[self.index()])
    }

    fn index(self) -> usize {
        usize::from(self.diversity) << 2
            | usize::from(self.latency) << 1
            | usize::from(self.expected_cost)
    }

    fn from_index(index: usize) -> Self {
        Self { diversity: index & 4 != 0, latency: index & 2 != 0, expected_cost: index & 1 != 0 }
    }

    fn compute(self) -> String {
        let digest =
            Sha256::digest(ainfera_schema::audit::canonical_json(&self.rules()).as_bytes());
        hex(&digest[..4])
    }

    fn rules(self) -> Value {
        let mut rules = json!({
            "gates": ["price_present", "q_prior_present", "m_allowed_pass"],
            "score_order": ["drop_below_quality_floor", "drop_above_budget_cap", "cheapest_wins"],
            "tiebreak": ["q_prior_desc"],
            "version": POLICY_SEMVER,
        });
        if self.diversity {
            rules["diversity"] =
                json!({"applies_to": "ordering_only", "mechanism": "maker_share_soft_penalty"});
        }
        if self.latency {
            rules["latency"] = json!({"applies_to": "drop_above_latency_cap", "mechanism": "preset_p95_latency_slo"});
        }
        if self.expected_cost {
            rules["selection"] =
                json!({"applies_to": "ordering_only", "mechanism": "expected_cost_per_success"});
        }
        rules
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        diversity: bool,
        latency: bool,
        expected_cost: bool,
        hash: String,
    }

    fn vectors() -> Vec<Vector> {
        serde_json::from_str(include_str!("../vectors/ruleset_hash.json")).unwrap()
    }

    #[test]
    fn every_vector_agrees() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 8);
        for Vector { diversity, latency, expected_cost, hash } in vectors {
            let mechanisms = Mechanisms { diversity, latency, expected_cost };
            assert_eq!(mechanisms.hash().as_str(), hash, "{mechanisms:?}");
        }
    }

    #[test]
    fn the_mechanisms_are_read_off_policy_and_options() {
        for Vector { diversity, latency, expected_cost, hash } in vectors() {
            let mut policy = Policy::with_floor(Decimal::ZERO);
            let mut options = DecideOptions::default();
            // A penalty must be above zero; a reward for a maker is not supported.
            options.maker_penalty.insert("mistral".into(), Decimal::ZERO);
            options.maker_penalty.insert("xai".into(), Decimal::NEGATIVE_ONE);
            if diversity {
                options.maker_penalty.insert("openai".into(), Decimal::ONE);
            }
            policy.latency_cap_ms = latency.then_some(5000);
            if expected_cost {
                options.ranking = Ranking::ExpectedCost;
            }
            assert_eq!(ruleset_hash(&policy, &options).as_str(), hash);
        }
    }

    #[test]
    fn the_agentic_floor_does_not_show() {
        let plain = Policy::with_floor(Decimal::ZERO);
        let agentic = Policy { agentic_floor: Some(Decimal::ONE), ..plain.clone() };
        assert_eq!(
            ruleset_hash(&plain, &DecideOptions::default()),
            ruleset_hash(&agentic, &DecideOptions::default())
        );
    }

    #[test]
    fn a_policy_version_names_preset_semver_and_hash() {
        assert_eq!(
            policy_version(Preset::CostFirst, Mechanisms::default().hash()),
            "cost_first@1.0.0+07dbdce7"
        );
    }
}
