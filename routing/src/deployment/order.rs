//! In which order the deployments of a model are asked: the conversation's own first, because the
//! provider's prompt cache is there, then by weight, and none that has more than its share of the
//! calls in flight before one that has less.

/// What is known of one deployment when a call comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub weight: u64,
    pub in_flight: u32,
}

/// Which deployment the call would be best with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// The conversation was last served there.
    Kept(usize),
    /// The conversation is not known here. The same number chooses the same deployment in every
    /// process.
    Hashed(u64),
    /// The conversation begins: nothing is cached anywhere.
    Any,
}

/// A conversation leaves its deployment only when that has half as much again as its fair share in
/// flight, and so many calls more.
const KEPT_SLACK: u128 = 8;

/// Every position once, the first choice first. `chance` is a number of this call's own, from
/// anywhere.
pub fn order(shares: &[Share], preference: Preference, chance: u64) -> Vec<usize> {
    let mut left: Vec<usize> = (0..shares.len()).collect();
    let mut ordered = Vec::with_capacity(shares.len());
    let preferred = match preference {
        Preference::Kept(position) => Some(position).filter(|position| *position < shares.len()),
        Preference::Hashed(number) => by_weight(shares, &left, number),
        Preference::Any => None,
    };
    if let Some(position) = preferred.filter(|position| !is_crowded(shares, *position)) {
        left.retain(|other| *other != position);
        ordered.push(position);
    }
    let mut number = chance;
    while let Some(position) = next(shares, &left, number) {
        left.retain(|other| *other != position);
        ordered.push(position);
        number = mixed(number);
    }
    ordered
}

/// The one that the weights choose, or the one with the least in flight for its weight where that
/// one has more than its share.
fn next(shares: &[Share], left: &[usize], number: u64) -> Option<usize> {
    let chosen = by_weight(shares, left, number)?;
    if has_its_share(shares, left, chosen) {
        let load = |position: &usize| u128::from(shares[*position].in_flight);
        let weight = |position: &usize| u128::from(shares[*position].weight.max(1));
        return left
            .iter()
            .copied()
            .min_by(|a, b| (load(a) * weight(b)).cmp(&(load(b) * weight(a))));
    }
    Some(chosen)
}

fn by_weight(shares: &[Share], left: &[usize], number: u64) -> Option<usize> {
    let total: u128 = left.iter().map(|position| u128::from(shares[*position].weight.max(1))).sum();
    let point = (u128::from(mixed(number)) * total) >> 64;
    let mut passed = 0;
    left.iter().copied().find(|position| {
        passed += u128::from(shares[*position].weight.max(1));
        point < passed
    })
}

/// Five quarters of what its weight gives it, of all that is in flight with this call.
fn has_its_share(shares: &[Share], left: &[usize], position: usize) -> bool {
    let (in_flight, weight, all, weights) = totals(shares, left, position);
    in_flight > 0 && in_flight * weights * 4 >= (all + 1) * weight * 5
}

fn is_crowded(shares: &[Share], position: usize) -> bool {
    let everywhere: Vec<usize> = (0..shares.len()).collect();
    let (in_flight, weight, all, weights) = totals(shares, &everywhere, position);
    in_flight * weights * 2 > (all + 1) * weight * 3 + KEPT_SLACK * weights * 2
}

/// What it has in flight, its weight, and both of all in `among`.
fn totals(shares: &[Share], among: &[usize], position: usize) -> (u128, u128, u128, u128) {
    let load = |position: usize| u128::from(shares[position].in_flight);
    let weight = |position: usize| u128::from(shares[position].weight.max(1));
    let all = among.iter().map(|other| load(*other)).sum();
    let weights = among.iter().map(|other| weight(*other)).sum();
    (load(position), weight(position), all, weights)
}

/// The finishing steps of SplitMix64: every bit of the result depends on every bit of `number`.
fn mixed(number: u64) -> u64 {
    let step = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let step = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let step = (step ^ (step >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    step ^ (step >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn idle(weights: &[u64]) -> Vec<Share> {
        weights.iter().map(|weight| Share { weight: *weight, in_flight: 0 }).collect()
    }

    #[test]
    fn weights_divide_the_calls() {
        let shares = idle(&[3, 1]);
        let to_first =
            (0..4000).filter(|number| order(&shares, Preference::Any, *number)[0] == 0).count();
        assert!((2850..3150).contains(&to_first), "three quarters of 4000, and not {to_first}");
    }

    #[test]
    fn a_slow_deployment_gets_no_more_calls_until_the_others_have_caught_up() {
        let mut shares = idle(&[1, 1]);
        // The second answers at once, the first never.
        for number in 0..1000 {
            let first = order(&shares, Preference::Any, number)[0];
            shares[0].in_flight += u32::from(first == 0);
        }
        assert_eq!(shares[0].in_flight, 2);
    }

    #[test]
    fn many_calls_at_once_are_divided_by_weight() {
        let mut shares = idle(&[5, 3, 2]);
        for number in 0..1000 {
            let first = order(&shares, Preference::Any, number)[0];
            shares[first].in_flight += 1;
        }
        for (share, expected) in shares.iter().zip([500_u32, 300, 200]) {
            assert!(share.in_flight.abs_diff(expected) < 60, "{shares:?}");
        }
    }

    #[test]
    fn a_conversation_stays_until_its_deployment_is_crowded() {
        let mut shares = idle(&[1, 1]);
        shares[1].in_flight = 8;
        assert_eq!(order(&shares, Preference::Kept(1), 0), [1, 0]);
        shares[1].in_flight = 40;
        assert_eq!(order(&shares, Preference::Kept(1), 0), [0, 1]);
        assert_eq!(order(&shares, Preference::Kept(7), 0).len(), 2, "a deployment that is gone");
    }

    #[test]
    fn an_unknown_conversation_goes_where_every_process_sends_it() {
        let shares = idle(&[1, 1, 2]);
        for number in 0..100 {
            let firsts: Vec<usize> = (0..5)
                .map(|chance| order(&shares, Preference::Hashed(number), chance)[0])
                .collect();
            assert!(firsts.windows(2).all(|pair| pair[0] == pair[1]), "{firsts:?}");
        }
    }

    proptest! {
        #[test]
        fn each_deployment_stands_in_the_order_once(
            shares in prop::collection::vec((0_u64.., 0_u32..), 0..9),
            kept in 0_usize..12,
            number: u64,
            chance: u64,
        ) {
            let share = |(weight, in_flight)| Share { weight: weight >> 24, in_flight };
            let shares: Vec<Share> = shares.into_iter().map(share).collect();
            let preferences =
                [Preference::Kept(kept), Preference::Hashed(number), Preference::Any];
            for preference in preferences {
                let mut ordered = order(&shares, preference, chance);
                ordered.sort_unstable();
                prop_assert_eq!(ordered, (0..shares.len()).collect::<Vec<_>>());
            }
        }
    }
}
