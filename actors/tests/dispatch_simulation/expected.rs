//! What an attempt has to come to: what it costs, and whom its failure leaves out.

use ainfera_actors::dispatch::machine::attempt_end::AttemptEnd;
use ainfera_actors::dispatch::machine::candidates::ToolSupport;
use ainfera_routing::UNKNOWN_WINDOW_TOKENS;
use ainfera_schema::Usd;
use ainfera_wire::error::Lack;

use crate::market::{Deployed, ESTIMATED_INPUT_TOKENS};
use crate::provider::Seen;

/// Whether a model cannot do what another has just refused for want of it.
pub fn cannot_either(other: &Deployed, refused_by: &Deployed, lack: Lack) -> bool {
    match lack {
        Lack::Window => {
            let windows = other.context_window.zip(refused_by.context_window);
            other.index.model == refused_by.index.model
                || windows.is_some_and(|(other, refused_by)| other <= refused_by)
        }
        Lack::Tools => other.tools == ToolSupport::Unsupported,
        _ => false,
    }
}

/// What an attempt that ends so costs.
pub fn cost_of(deployed: &Deployed, seen: Seen, end: &AttemptEnd) -> Usd {
    let is_billed = match end {
        AttemptEnd::Succeeded | AttemptEnd::Cancelled => true,
        AttemptEnd::SentAgain => false,
        AttemptEnd::Failed(failure) => {
            seen.content
                || seen.text_bytes > 0
                || failure.to_string() == "connection broke: reset"
                    && failure.may_have_been_worked_on()
        }
    };
    if !is_billed {
        return Usd::ZERO;
    }
    let most = deployed.reservation(deployed.bounds.output_tokens);
    let input = if seen.input_tokens > 0 { seen.input_tokens } else { ESTIMATED_INPUT_TOKENS };
    let output = if seen.finished && seen.output_tokens > 0 {
        seen.output_tokens
    } else {
        seen.text_bytes.div_ceil(4).min(deployed.bounds.output_tokens)
    };
    let window = deployed.context_window.unwrap_or(UNKNOWN_WINDOW_TOKENS);
    if input > 2 * window || output > 2 * deployed.bounds.output_tokens + 1_024 {
        return most;
    }
    let cost = deployed.cost(input, output);
    if cost > most { most } else { cost }
}
