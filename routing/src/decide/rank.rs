//! The order of candidates: those that stand by cost, then the dropped by reason and slug.

use std::cmp::Ordering;

use rust_decimal::Decimal;

use super::exact::compare_products;
use super::gate::{Verdict, Weighed};
use super::{Candidate, DecideOptions, ListPrice, Ranking};

/// What a standing candidate is ranked by.
pub(super) struct RankKey {
    order_price: Decimal,
    effective_q: Decimal,
}

impl RankKey {
    pub(super) fn new(
        candidate: &Candidate,
        price: &ListPrice,
        q_prior: Decimal,
        options: &DecideOptions,
    ) -> Self {
        let penalty = options
            .maker_penalty
            .get(&*candidate.maker)
            .copied()
            .filter(|penalty| *penalty > Decimal::ZERO);
        let order_price = match penalty {
            None => price.total(),
            // A penalty that overflows puts the maker last.
            Some(penalty) => Decimal::ONE
                .checked_add(penalty)
                .and_then(|factor| factor.checked_mul(price.total()))
                .unwrap_or(Decimal::MAX),
        };
        let effective_q =
            options.q_empirical.get(candidate.model_slug.as_str()).copied().unwrap_or(q_prior);
        Self { order_price, effective_q }
    }
}

/// A total order. Equal slugs, which a catalogue does not have, are ordered by id.
pub(super) fn compare(one: &Weighed<'_>, other: &Weighed<'_>, ranking: Ranking) -> Ordering {
    let by_verdict = match (&one.verdict, &other.verdict) {
        (Verdict::Stands(key), Verdict::Stands(other_key)) => compare_keys(key, other_key, ranking),
        (Verdict::Stands(_), Verdict::Dropped(_)) => Ordering::Less,
        (Verdict::Dropped(_), Verdict::Stands(_)) => Ordering::Greater,
        (Verdict::Dropped(reason), Verdict::Dropped(other_reason)) => {
            reason.as_str().cmp(other_reason.as_str())
        }
    };
    by_verdict
        .then_with(|| one.candidate.model_slug.cmp(&other.candidate.model_slug))
        .then_with(|| one.candidate.model_id.cmp(&other.candidate.model_id))
}

fn compare_keys(key: &RankKey, other: &RankKey, ranking: Ranking) -> Ordering {
    match ranking {
        Ranking::Price => key
            .order_price
            .cmp(&other.order_price)
            .then_with(|| other.effective_q.cmp(&key.effective_q)),
        Ranking::ExpectedCost => {
            match (key.effective_q > Decimal::ZERO, other.effective_q > Decimal::ZERO) {
                // p / q < p' / q' if and only if p · q' < p' · q, without a quotient that has to be
                // rounded.
                (true, true) => compare_products(
                    (key.order_price, other.effective_q),
                    (other.order_price, key.effective_q),
                ),
                // The expected cost of a model that never succeeds is infinite.
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => Ordering::Equal,
            }
        }
    }
}
