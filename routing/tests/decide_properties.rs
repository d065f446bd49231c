//! What holds for every decision, whatever the candidates.

use ainfera_routing::{
    Candidate, DecideOptions, DecideRequest, Decision, FloorSource, ListPrice, ModelId, Policy,
    Ranking, decide,
};
use ainfera_schema::ModelSlug;
use proptest::prelude::*;
use rust_decimal::Decimal;

const MAKERS: [&str; 3] = ["anthropic", "mistral", "xai"];

fn hundredths(range: std::ops::Range<i64>) -> impl Strategy<Value = Decimal> {
    range.prop_map(|count| Decimal::new(count, 2))
}

/// Few distinct figures, so that ties and equalities are frequent.
fn candidate(number: usize) -> impl Strategy<Value = Candidate> {
    let quality = prop::option::weighted(0.9, hundredths(50..56));
    let price = (hundredths(0..6), hundredths(0..6))
        .prop_map(|(input, output)| ListPrice::new(input, output));
    let allowed = prop_oneof![8 => Just(Some(true)), 1 => Just(Some(false)), 1 => Just(None)];
    let known = (prop::option::of(0u64..4), prop::option::of(hundredths(0..4)));
    (quality, price, allowed, known, 0..MAKERS.len()).prop_map(
        move |(q_prior, price, m_allowed, (latency, agentic), maker)| Candidate {
            model_id: ModelId::new(format!("id-{number}")),
            model_slug: ModelSlug::new(format!("model-{number}")),
            maker: MAKERS[maker].into(),
            q_prior,
            price,
            m_allowed,
            expected_latency_ms: latency,
            agentic_index: agentic,
        },
    )
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    (0usize..9).prop_flat_map(|count| (0..count).map(candidate).collect::<Vec<_>>())
}

fn policy() -> impl Strategy<Value = Policy> {
    let caps = (
        prop::option::of(hundredths(0..8)),
        prop::option::of(0u64..4),
        prop::option::of(hundredths(0..4)),
    );
    (hundredths(49..57), caps).prop_map(
        |(min_quality, (budget_cap_usd, latency_cap_ms, agentic_floor))| Policy {
            budget_cap_usd,
            latency_cap_ms,
            agentic_floor,
            ..Policy::with_floor(min_quality)
        },
    )
}

fn options() -> impl Strategy<Value = DecideOptions> {
    let by_slug = || {
        prop::collection::btree_map(
            (0..9).prop_map(|number| format!("model-{number}").into()),
            hundredths(-1..57),
            0..4,
        )
    };
    let penalty = prop::collection::btree_map(
        (0..MAKERS.len()).prop_map(|maker| MAKERS[maker].into()),
        hundredths(-50..200),
        0..3,
    );
    let floor_source = prop_oneof![Just(FloorSource::QEmpirical), Just(FloorSource::QPrior)];
    let ranking = prop_oneof![Just(Ranking::Price), Just(Ranking::ExpectedCost)];
    (by_slug(), by_slug(), penalty, floor_source, ranking).prop_map(
        |(q_empirical, quality_floor, maker_penalty, floor_source, ranking)| DecideOptions {
            q_empirical,
            quality_floor,
            maker_penalty,
            floor_source,
            ranking,
        },
    )
}

const REQUEST: DecideRequest =
    DecideRequest { estimated_input_tokens: 500_000, reserved_max_tokens: 500_000 };

fn winner<'a>(decision: &Decision, candidates: &'a [Candidate]) -> Option<&'a Candidate> {
    decision.winner().map(|winner| &candidates[winner.index])
}

fn candidates_in_two_orders() -> impl Strategy<Value = (Vec<Candidate>, Vec<Candidate>)> {
    candidates()
        .prop_flat_map(|candidates| (Just(candidates.clone()), Just(candidates).prop_shuffle()))
}

proptest! {
    #[test]
    fn input_order_does_not_change_the_ranking(
        (candidates, shuffled) in candidates_in_two_orders(),
        policy in policy(),
        options in options(),
    ) {
        let decision = decide(&REQUEST, &candidates, &policy, &options);
        let again = decide(&REQUEST, &shuffled, &policy, &options);
        prop_assert_eq!(&decision.fallback_order, &again.fallback_order);
        prop_assert_eq!((decision.rule_fired, &decision.chosen), (again.rule_fired, &again.chosen));
        let record = |decision: &Decision| {
            let mut rows = decision.candidates.clone();
            rows.iter_mut().for_each(|row| row.index = 0);
            if decision.chosen.is_none() {
                // A rejection lists its candidates as they came.
                rows.sort_by(|one, other| one.model_slug.cmp(&other.model_slug));
            }
            rows
        };
        prop_assert_eq!(record(&decision), record(&again));
    }

    #[test]
    fn a_higher_floor_never_makes_the_winner_cheaper(
        candidates in candidates(),
        policy in policy(),
        options in options(),
        rise in hundredths(0..5),
    ) {
        let ranking = Ranking::Price;
        let options = DecideOptions { maker_penalty: Default::default(), ranking, ..options };
        let higher = Policy { min_quality: policy.min_quality + rise, ..policy.clone() };
        let before = decide(&REQUEST, &candidates, &policy, &options);
        let after = decide(&REQUEST, &candidates, &higher, &options);
        let price = |decision: &Decision| {
            winner(decision, &candidates).and_then(|winner| winner.price).map(|price| price.total())
        };
        if let Some(dearer) = price(&after) {
            prop_assert!(price(&before).is_some_and(|cheaper| cheaper <= dearer));
        }
    }

    #[test]
    fn every_ranked_candidate_clears_floor_and_caps(
        candidates in candidates(),
        policy in policy(),
        options in options(),
    ) {
        let decision = decide(&REQUEST, &candidates, &policy, &options);
        for row in decision.candidates.iter().filter(|row| row.rank.is_some()) {
            let candidate = &candidates[row.index];
            let by_slug = match options.floor_source {
                FloorSource::QEmpirical => &options.q_empirical,
                FloorSource::QPrior => &options.quality_floor,
            };
            let observed = by_slug.get(candidate.model_slug.as_str()).copied();
            let quality = observed.or(candidate.q_prior).unwrap();
            prop_assert!(quality >= policy.min_quality);
            prop_assert_eq!(candidate.m_allowed, Some(true));
            let price = candidate.price.unwrap();
            // Half a million tokens on each side.
            prop_assert_eq!(row.projected_cost_usd.unwrap(), price.total() / Decimal::TWO);
            let cost = price.total() / Decimal::TWO;
            prop_assert!(policy.budget_cap_usd.is_none_or(|cap| cost <= cap));
            let latency = policy.latency_cap_ms.zip(candidate.expected_latency_ms);
            prop_assert!(latency.is_none_or(|(cap, latency)| latency <= cap));
            let agentic = policy.agentic_floor.zip(candidate.agentic_index);
            prop_assert!(agentic.is_none_or(|(floor, index)| index >= floor));
        }
    }

    #[test]
    fn every_candidate_is_listed_once_with_a_rank_or_a_reason(
        candidates in candidates(),
        policy in policy(),
        options in options(),
    ) {
        let decision = decide(&REQUEST, &candidates, &policy, &options);
        let mut seen: Vec<usize> = decision.candidates.iter().map(|row| row.index).collect();
        seen.sort_unstable();
        prop_assert_eq!(seen, (0..candidates.len()).collect::<Vec<_>>());
        for row in &decision.candidates {
            prop_assert_eq!(row.rank.is_some(), row.drop_reason.is_none());
            prop_assert_eq!(&row.model_slug, &candidates[row.index].model_slug);
        }
        let standing = decision.candidates.iter().filter(|row| row.rank.is_some()).count();
        prop_assert_eq!(decision.fallback_order.len(), standing);
        prop_assert_eq!(decision.fallback_order.first(), decision.chosen.as_ref());
    }
}
