//! One decision as a line of JSON in and a line of JSON out, for scripts, replay and the test
//! vectors. Figures may be JSON numbers or text.

mod exact_number;

use std::collections::BTreeMap;

use ainfera_schema::ModelSlug;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::decide::{
    Candidate, DecideOptions, DecideRequest, Decision, FloorSource, ListPrice, ModelId, Ranking,
    decide,
};
use crate::policy::Policy;
use crate::preset::Preset;
use exact_number::{Exact, Whole};

/// Everything that a decision depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: Option<String>,
    pub request: DecideRequest,
    pub policy: Policy,
    pub options: DecideOptions,
    pub candidates: Vec<Candidate>,
}

#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("field {field}: {source}")]
    Field { field: String, source: serde_json::Error },
    #[error("text after the case: {0}")]
    Trailing(serde_json::Error),
    #[error("decision cannot be written: {0}")]
    Unwritable(serde_json::Error),
}

/// Parses one case, decides it, and writes the decision.
pub fn decide_line(line: &str) -> Result<String, CaseError> {
    let decision = Case::parse(line)?.decide();
    serde_json::to_string(&decision).map_err(CaseError::Unwritable)
}

impl Case {
    pub fn parse(line: &str) -> Result<Self, CaseError> {
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let text: CaseText =
            serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
                CaseError::Field { field: error.path().to_string(), source: error.into_inner() }
            })?;
        deserializer.end().map_err(CaseError::Trailing)?;
        Ok(text.into())
    }

    pub fn decide(&self) -> Decision {
        decide(&self.request, &self.candidates, &self.policy, &self.options)
    }
}

#[derive(Deserialize)]
struct CaseText {
    #[serde(default)]
    name: Option<String>,
    request: RequestText,
    policy: PolicyText,
    #[serde(default)]
    options: OptionsText,
    candidates: Vec<CandidateText>,
}

#[derive(Deserialize)]
struct RequestText {
    estimated_input_tokens: Whole,
    reserved_max_tokens: Whole,
}

#[derive(Deserialize)]
struct PolicyText {
    min_quality: Exact,
    #[serde(default)]
    budget_cap_usd: Option<Exact>,
    #[serde(default)]
    latency_cap_ms: Option<Whole>,
    #[serde(default)]
    agentic_floor: Option<Exact>,
    #[serde(default)]
    policy_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OptionsText {
    q_empirical: Option<BTreeMap<Box<str>, Exact>>,
    quality_floor: Option<BTreeMap<Box<str>, Exact>>,
    maker_penalty: Option<BTreeMap<Box<str>, Exact>>,
    floor_on_q_prior: bool,
    expected_cost_ranking: bool,
}

#[derive(Deserialize)]
struct CandidateText {
    model_id: String,
    model_slug: ModelSlug,
    #[serde(default)]
    brand_slug: Option<String>,
    #[serde(default)]
    q_prior: Option<Exact>,
    #[serde(default)]
    price_in_per_mtok_usd: Option<Exact>,
    #[serde(default)]
    price_out_per_mtok_usd: Option<Exact>,
    #[serde(default)]
    m_allowed: Option<bool>,
    #[serde(default)]
    expected_latency_ms: Option<Whole>,
    #[serde(default)]
    aa_agentic_index: Option<Exact>,
}

impl From<CaseText> for Case {
    fn from(text: CaseText) -> Self {
        Self {
            name: text.name,
            request: DecideRequest {
                estimated_input_tokens: text.request.estimated_input_tokens.0,
                reserved_max_tokens: text.request.reserved_max_tokens.0,
            },
            policy: text.policy.into(),
            options: text.options.into(),
            candidates: text.candidates.into_iter().map(Candidate::from).collect(),
        }
    }
}

impl From<PolicyText> for Policy {
    fn from(text: PolicyText) -> Self {
        Self {
            min_quality: text.min_quality.0,
            budget_cap_usd: decimal(text.budget_cap_usd),
            latency_cap_ms: text.latency_cap_ms.map(|cap| cap.0),
            agentic_floor: decimal(text.agentic_floor),
            preset: text.policy_name.as_deref().map(Preset::from_name).unwrap_or_default(),
        }
    }
}

impl From<OptionsText> for DecideOptions {
    fn from(text: OptionsText) -> Self {
        let figures = |map: Option<BTreeMap<Box<str>, Exact>>| {
            map.into_iter().flatten().map(|(key, figure)| (key, figure.0)).collect()
        };
        Self {
            q_empirical: figures(text.q_empirical),
            quality_floor: figures(text.quality_floor),
            maker_penalty: figures(text.maker_penalty),
            floor_source: if text.floor_on_q_prior {
                FloorSource::QPrior
            } else {
                FloorSource::QEmpirical
            },
            ranking: if text.expected_cost_ranking {
                Ranking::ExpectedCost
            } else {
                Ranking::Price
            },
        }
    }
}

impl From<CandidateText> for Candidate {
    fn from(text: CandidateText) -> Self {
        let prices = text.price_in_per_mtok_usd.zip(text.price_out_per_mtok_usd);
        Self {
            model_id: ModelId::new(text.model_id),
            model_slug: text.model_slug,
            maker: text.brand_slug.unwrap_or_default().into(),
            q_prior: decimal(text.q_prior),
            price: prices.and_then(|(input, output)| ListPrice::new(input.0, output.0)),
            m_allowed: text.m_allowed,
            expected_latency_ms: text.expected_latency_ms.map(|latency| latency.0),
            agentic_index: decimal(text.aa_agentic_index),
        }
    }
}

fn decimal(figure: Option<Exact>) -> Option<Decimal> {
    figure.map(|exact| exact.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"request":{"estimated_input_tokens":"1000","reserved_max_tokens":1024.0},"policy":{"min_quality":0.8},
        "candidates":[{"model_id":"1","model_slug":"m","q_prior":8e-1,"price_in_per_mtok_usd":2,"price_out_per_mtok_usd":"6.00","m_allowed":true}]}"#;

    fn error(from: &str, to: &str) -> String {
        assert!(SMALL.contains(from));
        decide_line(&SMALL.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn figures_may_be_numbers_or_text_and_absent_fields_have_defaults() {
        let line = decide_line(SMALL).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"rule_fired":"cheapest_clearing_floor","chosen":"m","policy_semver":"1.0.0","ruleset_hash":"07dbdce7","candidates":"#,
                r#"[{"model_id":"1","model_slug":"m","drop_reason":null,"rank":0,"projected_cost_usd":"0.008144","q_prior":"0.8"}],"#,
                r#""fallback_order":["m"]}"#
            )
        );
    }

    #[test]
    fn an_absent_price_is_no_price() {
        let case = Case::parse(&SMALL.replace(r#""price_in_per_mtok_usd":2,"#, "")).unwrap();
        assert_eq!(case.candidates[0].price, None);
    }

    #[test]
    fn errors_name_the_field() {
        assert!(
            error("0.8}", "true}").starts_with("field policy.min_quality: not a decimal number")
        );
        assert!(
            error("8e-1", r#""high""#)
                .starts_with("field candidates[0].q_prior: not a decimal number")
        );
        assert!(
            error(r#""1000""#, "-1")
                .starts_with("field request.estimated_input_tokens: not a whole number")
        );
        assert!(
            error("1024.0", "1.5")
                .starts_with("field request.reserved_max_tokens: not a whole number")
        );
        assert!(error(r#""policy""#, r#""police""#).contains("missing field `policy`"));
        assert!(
            error(r#""m_allowed":true"#, r#""m_allowed":1"#)
                .starts_with("field candidates[0].m_allowed: ")
        );
        assert!(
            decide_line(&format!("{SMALL} {SMALL}"))
                .unwrap_err()
                .to_string()
                .starts_with("text after the case")
        );
        assert!(decide_line("").is_err());
    }
}
