//! How much money to reserve before an attempt, so that its bill cannot be more: all of it at once,
//! or in slices, each before the tokens that it pays for.

use ainfera_schema::{ModelSlug, PriceError, StreamMode, Usd};

/// The output that the first slice of a reservation covers.
const FIRST_SLICE_TOKENS: u64 = 2_048;

/// The output that each further slice covers.
const NEXT_SLICE_TOKENS: u64 = 4_096;

/// How much is reserved while a call runs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ReservationMode {
    /// All that the call may cost, from its beginning.
    #[default]
    Strict,
    /// The first slice of its output, and the next one while the answer comes.
    Sliced,
}

impl ReservationMode {
    /// How much output an attempt's first reservation covers. An answer that comes whole cannot be
    /// watched while it is made, so it is reserved whole.
    pub fn first_output_tokens(self, max_tokens: u64, stream_mode: StreamMode) -> u64 {
        match (self, stream_mode) {
            (ReservationMode::Strict, _) | (ReservationMode::Sliced, StreamMode::Wrapped) => {
                max_tokens
            }
            (ReservationMode::Sliced, StreamMode::Native) => max_tokens.min(FIRST_SLICE_TOKENS),
        }
    }
}

/// How much output the next, larger reservation covers.
pub fn next_output_tokens(output_tokens: u64, max_tokens: u64) -> u64 {
    output_tokens.saturating_add(NEXT_SLICE_TOKENS).min(max_tokens)
}

/// Whether three quarters of the reserved output have come. The next slice is reserved then, while
/// the last quarter is on its way.
pub fn is_running_out(observed_tokens: u64, reserved_tokens: u64) -> bool {
    u128::from(observed_tokens) * 4 >= u128::from(reserved_tokens) * 3
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    #[error("price of model {slug} is not known")]
    UnknownPrice { slug: ModelSlug },
    #[error(transparent)]
    Price(#[from] PriceError),
}

/// An answer whose caller set no limit is not shortened below this.
pub const LEAST_OUTPUT_TOKENS: u64 = 1_024;

/// Shorter answers that may be asked for where there is not the money for one of `max_tokens`,
/// longest first.
pub fn shorter_outputs(max_tokens: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(max_tokens / 2), |tokens| Some(tokens / 2))
        .take_while(|tokens| *tokens >= LEAST_OUTPUT_TOKENS)
}

/// The output limit of a call that set none: what the prompt leaves of the context window.
pub fn output_within(window: Option<u64>, input_tokens: u64, max_tokens: u64) -> u64 {
    let left = window.map_or(u64::MAX, |window| window.saturating_sub(input_tokens));
    max_tokens.min(left.max(LEAST_OUTPUT_TOKENS))
}

/// The amounts to ask for, largest first: what the first candidate needs, then what cheaper ones
/// do, which are tried alone where only that fits. A dearer candidate reserves the difference when
/// its turn comes, and is left out where it cannot.
pub fn amounts_to_ask_for(reservations: &[Usd]) -> Vec<Usd> {
    let mut amounts: Vec<Usd> = reservations
        .iter()
        .copied()
        .filter(|amount| Some(amount) <= reservations.first())
        .collect();
    amounts.sort_unstable_by(|one, other| other.cmp(one));
    amounts.dedup();
    amounts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_candidate_is_asked_for_and_then_the_cheaper_ones() {
        let reservations = [5, 9, 2, 5, 3].map(Usd::from_nanos);
        assert_eq!(amounts_to_ask_for(&reservations), [5, 3, 2].map(Usd::from_nanos));
        assert_eq!(amounts_to_ask_for(&[]), []);
    }

    #[test]
    fn an_answer_without_a_limit_is_halved_down_to_the_least_and_stays_in_the_window() {
        assert_eq!(shorter_outputs(16_384).collect::<Vec<_>>(), [8_192, 4_096, 2_048, 1_024]);
        assert_eq!(shorter_outputs(2_047).count(), 0);
        assert_eq!(output_within(Some(10_000), 7_000, 16_384), 3_000);
        assert_eq!(output_within(Some(10_000), 9_999, 16_384), 1_024);
        assert_eq!(output_within(Some(10_000), 9_999, 50), 50);
        assert_eq!(output_within(None, 9_999, 16_384), 16_384);
    }

    #[test]
    fn an_answer_that_comes_whole_is_reserved_whole() {
        assert_eq!(ReservationMode::Sliced.first_output_tokens(100_000, StreamMode::Native), 2_048);
        assert_eq!(
            ReservationMode::Sliced.first_output_tokens(100_000, StreamMode::Wrapped),
            100_000
        );
        assert_eq!(
            ReservationMode::Strict.first_output_tokens(100_000, StreamMode::Native),
            100_000
        );
    }

    #[test]
    fn a_reservation_grows_at_three_quarters_by_a_slice_and_not_beyond_the_limit() {
        assert!(!is_running_out(1_535, 2_048) && is_running_out(1_536, 2_048));
        assert!(is_running_out(u64::MAX, u64::MAX) && is_running_out(0, 0));
        assert_eq!(
            (next_output_tokens(2_048, 100_000), next_output_tokens(2_048, 4_000)),
            (6_144, 4_000)
        );
        assert_eq!(next_output_tokens(u64::MAX, u64::MAX), u64::MAX);
    }
}
