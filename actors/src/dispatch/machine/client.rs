//! The client leaves in the middle of its answer. Usually the provider is stopped at once; where
//! its own count of what it used is wanted, it is read to its end, for a bounded time and for
//! nobody.

use ainfera_schema::{OnDisconnect, OutcomeStatus};

use super::attempt_end::AttemptEnd;
use super::effect::Timer;
use super::phase::Open;
use super::{Effect, Machine, Phase};

/// Whether anybody is there to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    There,
    Left,
}

/// Whether the provider is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    ReadOn,
    Stop,
}

impl Machine {
    /// Stops the provider and closes the call, or reads on in silence.
    pub(super) fn client_left(&mut self, effects: &mut Vec<Effect>) -> Reading {
        if self.client == Client::Left {
            return Reading::ReadOn;
        }
        if self.on_disconnect() == OnDisconnect::Cancel {
            self.end_early(OutcomeStatus::ClientGone, effects);
            return Reading::Stop;
        }
        self.client = Client::Left;
        effects.push(Effect::StayWithoutClient);
        effects.push(Effect::StartTimer(Timer::Drain, self.terms.drain_after_disconnect));
        Reading::ReadOn
    }

    /// The answer that nobody waits for is whole: the provider's own count is known.
    pub(super) fn finish_without_client(&mut self, effects: &mut Vec<Effect>) {
        self.end_attempt(AttemptEnd::Succeeded, effects);
        self.end_early(OutcomeStatus::ClientGone, effects);
    }

    /// Before the first content there is nothing worth reading on for.
    fn on_disconnect(&self) -> OnDisconnect {
        let Phase::Committed { open } = &self.phase else { return OnDisconnect::Cancel };
        Open::running(open).map_or(OnDisconnect::Cancel, |running| running.on_disconnect)
    }
}
