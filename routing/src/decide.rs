//! The decision: of the candidates that pass every gate, the cheapest wins; every other one is
//! listed with the reason why it lost.
//!
//! Pure and total: the same input gives the same output, the order of the input does not matter
//! (only a rejection lists its candidates in input order), and no figure can make it panic.

mod candidate;
mod decision;
mod exact;
mod gate;
mod options;
mod rank;

pub use candidate::{Candidate, ListPrice, ModelId};
pub use decision::{ConsideredCandidate, Decision, DropReason, RuleFired};
pub(crate) use gate::projected_cost_usd;
pub use options::{DecideOptions, DecideRequest, FloorSource, Ranking};

use std::borrow::Borrow;

use crate::policy::Policy;
use crate::ruleset::{POLICY_SEMVER, ruleset_hash};
use gate::{Verdict, Weighed};

/// Weighs every candidate and ranks those that stand. Takes candidates or references to them, so
/// that a caller with a filter copies none.
pub fn decide<C: Borrow<Candidate>>(
    request: &DecideRequest,
    candidates: &[C],
    policy: &Policy,
    options: &DecideOptions,
) -> Decision {
    let mut weighed: Vec<Weighed<'_>> = candidates
        .iter()
        .enumerate()
        .map(|(index, candidate)| gate::weigh(index, candidate.borrow(), request, policy, options))
        .collect();
    let standing = weighed.iter().filter(|one| matches!(one.verdict, Verdict::Stands(_))).count();
    let rule_fired = if standing == 0 {
        rejection(&weighed)
    } else {
        weighed.sort_by(|one, other| rank::compare(one, other, options.ranking));
        if a_veto_kept_out_a_cheaper(&weighed, policy) {
            RuleFired::MAllowedVetoApplied
        } else {
            RuleFired::CheapestClearingFloor
        }
    };
    Decision {
        rule_fired,
        chosen: weighed
            .first()
            .filter(|_| standing > 0)
            .map(|winner| winner.candidate.model_slug.clone()),
        policy_semver: POLICY_SEMVER,
        ruleset_hash: ruleset_hash(policy, options),
        fallback_order: weighed[..standing]
            .iter()
            .map(|one| one.candidate.model_slug.clone())
            .collect(),
        candidates: weighed
            .iter()
            .zip(0..)
            .map(|(one, position)| one.considered(position))
            .collect(),
    }
}

/// A candidate that only this call's limits kept out means that the limits are to blame; otherwise
/// there was nothing to route to.
fn rejection(weighed: &[Weighed<'_>]) -> RuleFired {
    let limited = weighed.iter().any(
        |one| matches!(one.verdict, Verdict::Dropped(reason) if reason.is_limit_of_the_call()),
    );
    if limited { RuleFired::NoCandidateClearsFloor } else { RuleFired::NoCandidateEnrolled }
}

/// Whether the operator's veto changed the outcome: some vetoed candidate of sufficient prior is
/// cheaper than the winner (`weighed[0]`). Real prices are compared, not penalised ones, and budget
/// is not asked.
fn a_veto_kept_out_a_cheaper(weighed: &[Weighed<'_>], policy: &Policy) -> bool {
    let Some(winning_price) = weighed.first().and_then(|winner| winner.candidate.price) else {
        return false;
    };
    weighed.iter().any(|one| {
        matches!(one.verdict, Verdict::Dropped(DropReason::MAllowedVeto))
            && one.candidate.price.is_some_and(|price| price.total() < winning_price.total())
            && one.candidate.q_prior.is_none_or(|q_prior| q_prior >= policy.min_quality)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ainfera_schema::ModelSlug;
    use rust_decimal::Decimal;

    fn candidate(slug: &str, price: Decimal, q_prior: Decimal) -> Candidate {
        Candidate {
            model_id: ModelId::of_slug(&ModelSlug::new(slug)),
            model_slug: ModelSlug::new(slug),
            maker: "maker".into(),
            q_prior: Some(q_prior),
            price: ListPrice::new(price, price),
            m_allowed: Some(true),
            expected_latency_ms: None,
            agentic_index: None,
        }
    }

    const REQUEST: DecideRequest =
        DecideRequest { estimated_input_tokens: 1000, reserved_max_tokens: 1024 };

    #[test]
    fn nothing_to_choose_from_is_not_enrolled() {
        let decision = decide::<Candidate>(
            &REQUEST,
            &[],
            &Policy::with_floor(Decimal::ZERO),
            &DecideOptions::default(),
        );
        assert_eq!(decision.rule_fired, RuleFired::NoCandidateEnrolled);
        assert_eq!(
            (decision.chosen, decision.fallback_order.len(), decision.candidates.len()),
            (None, 0, 0)
        );
    }

    #[test]
    fn references_decide_as_values_do() {
        let candidates = [
            candidate("a", Decimal::TWO, Decimal::ONE),
            candidate("b", Decimal::ONE, Decimal::ONE),
        ];
        let references: Vec<&Candidate> = candidates.iter().collect();
        let policy = Policy::with_floor(Decimal::ONE);
        let by_value = decide(&REQUEST, &candidates, &policy, &DecideOptions::default());
        assert_eq!(decide(&REQUEST, &references, &policy, &DecideOptions::default()), by_value);
        assert_eq!(by_value.candidates.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_cost_that_cannot_be_computed_is_an_unknown_price() {
        let absurd =
            DecideRequest { estimated_input_tokens: u64::MAX, reserved_max_tokens: u64::MAX };
        let candidates = [candidate("a", Decimal::MAX / Decimal::from(4), Decimal::ONE)];
        let decision = decide(
            &absurd,
            &candidates,
            &Policy::with_floor(Decimal::ZERO),
            &DecideOptions::default(),
        );
        assert_eq!(decision.candidates[0].drop_reason, Some(DropReason::NotEnrolledNoPrice));
        assert_eq!(decision.candidates[0].projected_cost_usd, None);
    }

    #[test]
    fn a_price_per_quality_is_compared_exactly() {
        // The two quotients, 1/3 and 0.3333333333333333333333333333/1, agree to 28 digits.
        let candidates = [candidate("dearer", Decimal::new(5, 1), Decimal::new(3, 0)), {
            let total = Decimal::from_str_exact("0.3333333333333333333333333333").unwrap();
            let mut cheaper = candidate("later-by-name", Decimal::ONE, Decimal::ONE);
            let output = Decimal::from_str_exact("0.1").unwrap();
            cheaper.price = ListPrice::new(total - output, output);
            cheaper
        }];
        let options = DecideOptions { ranking: Ranking::ExpectedCost, ..DecideOptions::default() };
        let decision = decide(&REQUEST, &candidates, &Policy::with_floor(Decimal::ZERO), &options);
        assert_eq!(decision.chosen, Some(ModelSlug::new("later-by-name")));
    }
}
