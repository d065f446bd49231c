//! What nobody should say: answers that were not asked for, and words of attempts that are over.
//! They may cost the attempt that they are about; they may not break a promise.

use ainfera_actors::dispatch::CallFailure;
use ainfera_actors::dispatch::machine::call_reservation::Grant;
use ainfera_actors::dispatch::machine::candidates::Candidates;
use ainfera_actors::dispatch::machine::effect::{Extension, Purpose, Timer};
use ainfera_actors::dispatch::machine::input::{
    AdmittedCall, ExtensionAnswer, Input, Turn, WriteResult,
};
use ainfera_schema::Usd;
use ainfera_wire::event::{ProviderEvent, StreamEvent};

use crate::history::History;
use crate::provider::failure;

impl History {
    pub(super) fn speak_unlawfully_when_it_is_over(&mut self) {
        for _ in 0..10 {
            self.speak_unlawfully();
        }
        self.feed(Input::ClientLeft);
        self.feed(Input::Deadline(Timer::Total));
    }

    pub(super) fn speak_unlawfully(&mut self) {
        let unlawful = self.unlawful();
        if let Some(input) = unlawful {
            self.totals.count("unlawful");
            self.feed(input);
        }
    }

    fn unlawful(&mut self) -> Option<Input> {
        /// Of no attempt.
        const NONE: u32 = 99;
        let events = || vec![ProviderEvent::translated(StreamEvent::End)];
        match self.random.below(13) {
            0 => Some(Input::Events { attempt: NONE, events: events() }),
            1 => (!self.oracle.writing).then_some(Input::Written(WriteResult::Taken)),
            2 => {
                let failure = failure(&mut self.random);
                Some(Input::AttemptFailed { attempt: NONE, failure })
            }
            3 => Some(Input::NotStarted { attempt: NONE, failure: failure(&mut self.random) }),
            4 => Some(Input::SentAgain { attempt: NONE }),
            5 => (!self.asked.row).then_some(Input::RowDurable),
            6 => (!self.asked.stream_end).then_some(Input::StreamEnded),
            7 => (!self.asked.brain).then_some(Input::Decided),
            8 => {
                let failure = CallFailure::StoreUnavailable;
                let waits = self.asked.brain || self.asked.admission;
                (!waits).then_some(Input::NotAdmitted(failure))
            }
            9 => (!self.asked.admission).then(|| {
                Input::Admitted(AdmittedCall {
                    candidates: Candidates::new(self.market.candidates()),
                    max_attempts: 9,
                    reserved: Usd::from_nanos(i64::MAX),
                })
            }),
            10 => Some(Input::Turn(Turn::Of(Box::new(self.market.deployed[0].offer())))),
            11 => (!self.asked.timers.contains(&Timer::Drain))
                .then_some(Input::Deadline(Timer::Drain))
                .filter(|_| !self.oracle.stays_without_client && !self.oracle.committed),
            _ => {
                let purpose =
                    [Purpose::Start, Purpose::Batch, Purpose::Ahead][self.random.below(3)];
                let grant = Grant { amount: self.oracle.reserved, output_tokens: 1_000_000 };
                let extension = Extension { purpose, attempt: NONE, grant };
                Some(Input::Extended { extension, answer: ExtensionAnswer::Reserved })
            }
        }
    }

    /// A provider says more before the answer to its first batch.
    pub(super) fn provider_does_not_wait(&mut self) {
        let Some(running) = self.oracle.running.as_ref().filter(|running| running.waits) else {
            return;
        };
        let attempt = running.attempt;
        self.totals.count("second batch");
        let events = vec![ProviderEvent::translated(StreamEvent::End)];
        self.feed(Input::Events { attempt, events });
    }
}
