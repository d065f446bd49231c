//! How much money to set aside before an attempt, so that the bill cannot be more; or, in slices, before so many tokens of it.

use ainfera_schema::{Model, ModelSlug, MoneyError, Price, StreamMode, Usd};
use rust_decimal::Decimal;

/// A bill has four lines, each rounded to a nano-dollar by itself; a hold has two. Together they can drift apart by half a nano-dollar each.
const ROUNDING_ALLOWANCE: Usd = Usd::from_nanos(3);

/// A price with no more than this many decimal places comes to whole nano-dollars per token, so that nothing is rounded.
const DECIMAL_PLACES_WITHOUT_ROUNDING: u32 = 3;

/// The output that a sliced hold begins with.
const FIRST_SLICE_TOKENS: u64 = 2_048;

/// What it grows by.
const NEXT_SLICE_TOKENS: u64 = 4_096;

/// What is held while a call runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum HoldMode {
    /// From the beginning all that it may cost.
    #[default]
    Strict,
    /// So much output at a time, and more while it comes.
    Sliced,
}

impl HoldMode {
    /// How much output an attempt's first hold covers. What comes whole cannot be watched while it is made.
    pub fn first_output_tokens(self, max_tokens: u64, stream_mode: StreamMode) -> u64 {
        match (self, stream_mode) {
            (HoldMode::Strict, _) | (HoldMode::Sliced, StreamMode::Wrapped) => max_tokens,
            (HoldMode::Sliced, StreamMode::Native) => max_tokens.min(FIRST_SLICE_TOKENS),
        }
    }
}

/// The next size of a hold that has to cover so much output.
pub fn next_output_tokens(output_tokens: u64, max_tokens: u64) -> u64 {
    output_tokens.saturating_add(NEXT_SLICE_TOKENS).min(max_tokens)
}

/// Three quarters of what is held have come: there is time to hold more before the rest has.
pub fn is_running_out(observed_tokens: u64, held_tokens: u64) -> bool {
    u128::from(observed_tokens) * 4 >= u128::from(held_tokens) * 3
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    #[error("price of model {slug} is not known")]
    UnknownPrice { slug: ModelSlug },
    #[error("no candidate to hold for")]
    NoCandidate,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Enough for any bill of at most so many tokens, whichever of them are read fresh, from the cache or into it.
pub fn strict_hold(price: &Price, upper_input_tokens: u64, max_tokens: u64) -> Result<Usd, MoneyError> {
    let cached = [price.cache_read, price.cache_write].into_iter().flatten();
    let dearest_input = cached.fold(price.input, Decimal::max);
    let hold = Usd::for_tokens(upper_input_tokens, dearest_input)?.checked_add(Usd::for_tokens(max_tokens, price.output)?)?;
    if rounds(price) { hold.checked_add(ROUNDING_ALLOWANCE) } else { Ok(hold) }
}

/// The largest hold over the models that a call may come to. One model without a price refuses them all.
pub fn hold_for<'a>(candidates: impl IntoIterator<Item = &'a Model>, upper_input_tokens: u64, max_tokens: u64) -> Result<Usd, HoldError> {
    let mut largest = None;
    for model in candidates {
        let price = model.price.as_ref().ok_or_else(|| HoldError::UnknownPrice { slug: model.slug.clone() })?;
        largest = largest.max(Some(strict_hold(price, upper_input_tokens, max_tokens)?));
    }
    largest.ok_or(HoldError::NoCandidate)
}

/// A sliced hold for the first candidate: whoever follows it holds the difference first.
pub fn first_slice<'a>(
    candidates: impl IntoIterator<Item = &'a Model>,
    upper_input_tokens: u64,
    max_tokens: u64,
) -> Result<Usd, HoldError> {
    let first = candidates.into_iter().next().ok_or(HoldError::NoCandidate)?;
    hold_for([first], upper_input_tokens, HoldMode::Sliced.first_output_tokens(max_tokens, first.stream_mode))
}

fn rounds(price: &Price) -> bool {
    let prices = [Some(price.input), Some(price.output), price.cache_read, price.cache_write];
    prices.into_iter().flatten().any(|price| price.normalize().scale() > DECIMAL_PLACES_WITHOUT_ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::five;
    use ainfera_schema::TokenUsage;
    use proptest::prelude::*;

    fn price(input: &str, output: &str, cache_write: Option<&str>) -> Price {
        let decimal = |text: &str| Decimal::from_str_exact(text).unwrap();
        Price {
            input: decimal(input),
            output: decimal(output),
            cache_read: None,
            cache_write: cache_write.map(decimal),
            cache_write_1h: None,
        }
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn p060_a_hold_is_input_and_reserved_output_to_the_nano_dollar() {
        assert_eq!(strict_hold(&price("15", "75", None), 1000, 1024), Ok(usd("0.0918")));
    }

    #[test]
    fn the_dearest_of_input_and_cache_write_counts() {
        assert_eq!(strict_hold(&price("3", "15", Some("3.75")), 1_000_000, 0), Ok(usd("3.75")));
        assert_eq!(strict_hold(&price("3", "15", Some("0")), 1_000_000, 0), Ok(usd("3")));
    }

    #[test]
    fn a_free_model_holds_nothing() {
        assert_eq!(strict_hold(&price("0", "0", None), u64::MAX, u64::MAX), Ok(Usd::ZERO));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(strict_hold(&price("15", "75", None), u64::MAX, 1), Err(MoneyError::Overflow));
    }

    #[test]
    fn the_largest_over_the_candidates_is_held() {
        let entries = five();
        let models = || entries.iter().map(|entry| &entry.model);
        assert_eq!(hold_for(models(), 1000, 1024), Ok(usd("0.0918")));
        assert_eq!(hold_for(models().skip(1), 1000, 1024), Ok(usd("0.02036")));
        assert_eq!(hold_for([], 1000, 1024), Err(HoldError::NoCandidate));
    }

    #[test]
    fn a_slice_is_of_the_first_candidate_and_never_more_than_may_come() {
        let entries = five();
        let models = || entries.iter().map(|entry| &entry.model);
        let first = entries[0].model.price.unwrap();
        assert_eq!(first_slice(models(), 1000, 100_000), strict_hold(&first, 1000, 2_048).map_err(HoldError::Money));
        assert_eq!(first_slice(models(), 1000, 2_047), strict_hold(&first, 1000, 2_047).map_err(HoldError::Money));
        assert_eq!(first_slice([], 1000, 1), Err(HoldError::NoCandidate));
        let whole = Model { stream_mode: StreamMode::Wrapped, ..entries[0].model.clone() };
        assert_eq!(first_slice([&whole], 1000, 100_000), strict_hold(&first, 1000, 100_000).map_err(HoldError::Money));
    }

    #[test]
    fn a_hold_grows_at_three_quarters_by_a_slice_and_not_beyond_the_limit() {
        assert!(!is_running_out(1_535, 2_048) && is_running_out(1_536, 2_048));
        assert!(is_running_out(u64::MAX, u64::MAX) && is_running_out(0, 0));
        assert_eq!((next_output_tokens(2_048, 100_000), next_output_tokens(2_048, 4_000)), (6_144, 4_000));
        assert_eq!(next_output_tokens(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn one_unknown_price_refuses() {
        let mut entries = five();
        entries[4].model.price = None;
        let refused = hold_for(entries.iter().map(|entry| &entry.model), 1000, 1024);
        assert_eq!(refused, Err(HoldError::UnknownPrice { slug: ModelSlug::new("mistral-large-3") }));
    }

    proptest! {
        #[test]
        fn no_bill_within_the_tokens_is_above_the_hold(
            tokens in prop::array::uniform4(0u64..5_000_000),
            mantissas in prop::array::uniform4(0i64..100_000_000),
            scale in 0u32..9,
            slack in 0u64..3,
        ) {
            let decimal = |mantissa| Decimal::new(mantissa, scale);
            let price = Price {
                input: decimal(mantissas[0]),
                output: decimal(mantissas[1]),
                cache_read: Some(decimal(mantissas[2])),
                cache_write: Some(decimal(mantissas[3])),
                cache_write_1h: None,
            };
            let usage = TokenUsage {
                input_tokens: tokens[0],
                cache_read_input_tokens: tokens[1],
                cache_creation_input_tokens: tokens[2],
                output_tokens: tokens[3],
                cache_creation_1h_input_tokens: 0,
                thinking_tokens: 0,
            };
            let hold = strict_hold(&price, usage.prompt_tokens() + slack, usage.output_tokens);
            prop_assert!(price.cost(&usage).unwrap() <= hold.unwrap());
        }
    }
}
