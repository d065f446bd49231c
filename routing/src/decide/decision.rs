//! What a decision leaves behind. The JSON form is the one that stored decisions have.

use ainfera_schema::ModelSlug;
use rust_decimal::Decimal;
use serde::Serialize;

use super::ModelId;
use crate::ruleset::RulesetHash;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    pub rule_fired: RuleFired,
    pub chosen: Option<ModelSlug>,
    pub policy_semver: &'static str,
    pub ruleset_hash: RulesetHash,
    /// Those that stand by rank, then the dropped by reason and slug. On a rejection: in input
    /// order.
    pub candidates: Vec<ConsideredCandidate>,
    /// Those that stand, winner first.
    pub fallback_order: Vec<ModelSlug>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConsideredCandidate {
    /// Where the candidate was in the input.
    #[serde(skip)]
    pub index: usize,
    pub model_id: ModelId,
    pub model_slug: ModelSlug,
    pub drop_reason: Option<DropReason>,
    /// 0 is the winner; none for the dropped.
    pub rank: Option<u32>,
    /// Six decimal places; none where the price is not known.
    pub projected_cost_usd: Option<Decimal>,
    pub q_prior: Option<Decimal>,
}

/// Which rule had the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleFired {
    CheapestClearingFloor,
    /// As above, and a cheaper candidate was kept out by the operator's veto.
    MAllowedVetoApplied,
    NoCandidateClearsFloor,
    NoCandidateEnrolled,
}

/// Why a candidate was dropped. The first gate that fails names the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    NotEnrolledNoPrice,
    NotEnrolledNoQPrior,
    MAllowedVeto,
    BelowQualityFloor,
    ExceedsBudgetCap,
    ExceedsLatencyCap,
    BelowAgenticFloor,
    /// Set aside by the plan before the decision: the call needs tools.
    ToolsNotSupported,
    /// Set aside by the plan before the decision: the call needs tools that the vendor runs on its
    /// own servers.
    ServerToolsNotSupported,
    /// Set aside by the plan before the decision: the call would not arrive as it was sent, and its
    /// caller wants it to.
    CoercionRefused,
    /// Set aside by the plan before the decision: the call says what only its caller's own dialect
    /// has a word for, and the model is behind another one.
    OtherDialect,
    /// Set aside by the plan before the decision: the prompt is larger than the model's window, by
    /// our estimate.
    ExceedsContextWindow,
    /// Set aside by the plan before the decision: others can make as much output as was asked for.
    ExceedsOutputLimit,
}

impl Decision {
    pub fn winner(&self) -> Option<&ConsideredCandidate> {
        self.candidates.first().filter(|candidate| candidate.rank == Some(0))
    }
}

impl RuleFired {
    pub fn as_str(self) -> &'static str {
        match self {
            RuleFired::CheapestClearingFloor => "cheapest_clearing_floor",
            RuleFired::MAllowedVetoApplied => "m_allowed_veto_applied",
            RuleFired::NoCandidateClearsFloor => "no_candidate_clears_floor",
            RuleFired::NoCandidateEnrolled => "no_candidate_enrolled",
        }
    }
}

impl DropReason {
    pub const ALL: [DropReason; 13] = [
        DropReason::NotEnrolledNoPrice,
        DropReason::NotEnrolledNoQPrior,
        DropReason::MAllowedVeto,
        DropReason::BelowQualityFloor,
        DropReason::ExceedsBudgetCap,
        DropReason::ExceedsLatencyCap,
        DropReason::BelowAgenticFloor,
        DropReason::ToolsNotSupported,
        DropReason::ServerToolsNotSupported,
        DropReason::CoercionRefused,
        DropReason::OtherDialect,
        DropReason::ExceedsContextWindow,
        DropReason::ExceedsOutputLimit,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::NotEnrolledNoPrice => "not_enrolled_no_price",
            DropReason::NotEnrolledNoQPrior => "not_enrolled_no_q_prior",
            DropReason::MAllowedVeto => "m_allowed_veto",
            DropReason::BelowQualityFloor => "below_quality_floor",
            DropReason::ExceedsBudgetCap => "exceeds_budget_cap",
            DropReason::ExceedsLatencyCap => "exceeds_latency_cap",
            DropReason::BelowAgenticFloor => "below_agentic_floor",
            DropReason::ToolsNotSupported => "tools_not_supported",
            DropReason::ServerToolsNotSupported => "server_tools_not_supported",
            DropReason::CoercionRefused => "coercion_refused",
            DropReason::OtherDialect => "other_dialect",
            DropReason::ExceedsContextWindow => "exceeds_context_window",
            DropReason::ExceedsOutputLimit => "exceeds_output_limit",
        }
    }

    /// Whether the call's own limits dropped the candidate, and not the catalogue.
    pub fn is_limit_of_the_call(self) -> bool {
        match self {
            DropReason::BelowQualityFloor
            | DropReason::ExceedsBudgetCap
            | DropReason::ExceedsLatencyCap
            | DropReason::BelowAgenticFloor => true,
            DropReason::NotEnrolledNoPrice
            | DropReason::NotEnrolledNoQPrior
            | DropReason::MAllowedVeto
            | DropReason::ToolsNotSupported
            | DropReason::ServerToolsNotSupported
            | DropReason::CoercionRefused
            | DropReason::OtherDialect
            | DropReason::ExceedsContextWindow
            | DropReason::ExceedsOutputLimit => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_json_agree() {
        for reason in DropReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        for rule in [
            RuleFired::CheapestClearingFloor,
            RuleFired::MAllowedVetoApplied,
            RuleFired::NoCandidateClearsFloor,
            RuleFired::NoCandidateEnrolled,
        ] {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
    }
}
