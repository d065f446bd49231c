//! The gates. Equality always passes, and so does a latency or an agentic index that is not known.

use rust_decimal::{Decimal, RoundingStrategy};

use super::rank::RankKey;
use super::{
    Candidate, ConsideredCandidate, DecideOptions, DecideRequest, DropReason, FloorSource,
    ListPrice,
};
use crate::policy::Policy;

const COST_DECIMAL_PLACES: u32 = 6;

/// A candidate after the gates.
pub(super) struct Weighed<'a> {
    pub(super) candidate: &'a Candidate,
    pub(super) verdict: Verdict,
    index: usize,
    projected_cost_usd: Option<Decimal>,
}

pub(super) enum Verdict {
    Stands(RankKey),
    Dropped(DropReason),
}

pub(super) fn weigh<'a>(
    index: usize,
    candidate: &'a Candidate,
    request: &DecideRequest,
    policy: &Policy,
    options: &DecideOptions,
) -> Weighed<'a> {
    // A cost that cannot be computed is treated like an unknown price.
    let priced =
        candidate.price.and_then(|price| Some((price, projected_cost_usd(&price, request)?)));
    let verdict = match priced {
        None => Verdict::Dropped(DropReason::NotEnrolledNoPrice),
        Some((price, projected)) => match first_failing_gate(candidate, projected, policy, options)
        {
            Ok(q_prior) => Verdict::Stands(RankKey::new(candidate, &price, q_prior, options)),
            Err(reason) => Verdict::Dropped(reason),
        },
    };
    Weighed {
        candidate,
        verdict,
        index,
        projected_cost_usd: priced.map(|(_, projected)| projected),
    }
}

/// What the call costs if it uses all the tokens reserved for it, half to even to six places. None
/// where it does not fit a decimal.
pub(crate) fn projected_cost_usd(price: &ListPrice, request: &DecideRequest) -> Option<Decimal> {
    let input = price.input().checked_mul(Decimal::from(request.estimated_input_tokens))?;
    let output = price.output().checked_mul(Decimal::from(request.reserved_max_tokens))?;
    let per_million = Decimal::new(1, 6);
    let cost = input.checked_add(output)?.checked_mul(per_million)?;
    let mut rounded =
        cost.round_dp_with_strategy(COST_DECIMAL_PLACES, RoundingStrategy::MidpointNearestEven);
    rounded.rescale(COST_DECIMAL_PLACES);
    Some(rounded)
}

/// The prior when every gate passes, for it is known then.
fn first_failing_gate(
    candidate: &Candidate,
    projected: Decimal,
    policy: &Policy,
    options: &DecideOptions,
) -> Result<Decimal, DropReason> {
    let q_prior = candidate.q_prior.ok_or(DropReason::NotEnrolledNoQPrior)?;
    if candidate.m_allowed != Some(true) {
        return Err(DropReason::MAllowedVeto);
    }
    if floor_value(candidate, q_prior, options) < policy.min_quality {
        return Err(DropReason::BelowQualityFloor);
    }
    if policy.budget_cap_usd.is_some_and(|cap| projected > cap) {
        return Err(DropReason::ExceedsBudgetCap);
    }
    if exceeds(candidate.expected_latency_ms, policy.latency_cap_ms) {
        return Err(DropReason::ExceedsLatencyCap);
    }
    if exceeds(policy.agentic_floor, candidate.agentic_index) {
        return Err(DropReason::BelowAgenticFloor);
    }
    Ok(q_prior)
}

fn floor_value(candidate: &Candidate, q_prior: Decimal, options: &DecideOptions) -> Decimal {
    let by_slug = match options.floor_source {
        FloorSource::QEmpirical => &options.q_empirical,
        FloorSource::QPrior => &options.quality_floor,
    };
    by_slug.get(candidate.model_slug.as_str()).copied().unwrap_or(q_prior)
}

/// Whether `value` is above `limit`, where both are known.
fn exceeds<T: PartialOrd>(value: Option<T>, limit: Option<T>) -> bool {
    matches!((value, limit), (Some(value), Some(limit)) if value > limit)
}

impl Weighed<'_> {
    /// The record of it, when it came out at `position`.
    pub(super) fn considered(&self, position: u32) -> ConsideredCandidate {
        let (rank, drop_reason) = match self.verdict {
            Verdict::Stands(_) => (Some(position), None),
            Verdict::Dropped(reason) => (None, Some(reason)),
        };
        ConsideredCandidate {
            index: self.index,
            model_id: self.candidate.model_id.clone(),
            model_slug: self.candidate.model_slug.clone(),
            drop_reason,
            rank,
            projected_cost_usd: self.projected_cost_usd,
            q_prior: self.candidate.q_prior,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projected_cost_is_rounded_half_to_even_at_the_sixth_place() {
        let price = ListPrice::new(Decimal::new(5, 1), Decimal::ONE).unwrap();
        let cost = |tokens| {
            projected_cost_usd(
                &price,
                &DecideRequest { estimated_input_tokens: tokens, reserved_max_tokens: 0 },
            )
        };
        assert_eq!(cost(1).map(|cost| cost.to_string()).as_deref(), Some("0.000000"));
        assert_eq!(cost(3).map(|cost| cost.to_string()).as_deref(), Some("0.000002"));
    }

    #[test]
    fn equality_and_the_unknown_pass() {
        assert!(!exceeds(Some(1), Some(1)));
        assert!(!exceeds(None, Some(1)));
        assert!(!exceeds(Some(1), None));
        assert!(exceeds(Some(2), Some(1)));
    }
}
