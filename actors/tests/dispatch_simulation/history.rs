//! One history: a call whose brain, store, providers, client and clock are made up from a seed, led
//! through the machine that decides in production. Inputs come in any order in which they can.

use std::time::Duration;

use ainfera_actors::capture::acknowledge::Acknowledge;
use ainfera_actors::dispatch::CallFailure;
use ainfera_actors::dispatch::machine::candidates::Candidates;
use ainfera_actors::dispatch::machine::effect::{Effect, Extension, Purpose, Timer};
use ainfera_actors::dispatch::machine::input::{AdmittedCall, ExtensionAnswer, Input, WriteResult};
use ainfera_actors::dispatch::machine::{CallTerms, Machine};
use ainfera_routing::ReservationMode;
use ainfera_schema::{CallKind, OutcomeStatus, Usd};
use ainfera_store::Refusal;
use ainfera_wire::client::Delivery;

use crate::market::Market;
use crate::oracle::{Ahead, Oracle};
use crate::provider::Act;
use crate::random::Random;
use crate::totals::Totals;

const MOST_STEPS: usize = 5_000;

/// Who has been asked for something and has not answered.
#[derive(Debug, Default)]
pub struct CallSize {
    pub brain: bool,
    pub admission: bool,
    pub extensions: Vec<Extension>,
    /// The batch that the client's side has: whether the end is in it.
    pub write: Option<bool>,
    pub row: bool,
    pub stream_end: bool,
    pub timers: Vec<Timer>,
}

#[derive(Debug, Clone, Copy)]
enum Next {
    Brain,
    Admission,
    Extension,
    Provider,
    Write,
    Row,
    StreamEnd,
}

pub struct History {
    pub(super) random: Random,
    machine: Machine,
    pub(super) market: Market,
    pub(super) oracle: Oracle,
    pub(super) asked: CallSize,
    pub(super) totals: Totals,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mode =
            if random.percent(50) { ReservationMode::Sliced } else { ReservationMode::Strict };
        let terms = CallTerms {
            kind: if random.percent(70) { CallKind::Routed } else { CallKind::Direct },
            delivery: if random.percent(65) { Delivery::Streamed } else { Delivery::Whole },
            max_tokens: if random.percent(95) { 1_000 } else { 0 },
            reservations: mode,
            acknowledge: [Acknowledge::BeforeStop, Acknowledge::After][random.below(2)],
            head_delay: Duration::from_secs(10),
            total: Duration::from_secs(120),
            drain_after_disconnect: Duration::from_secs(30),
        };
        let market = Market::new(&mut random, mode);
        let max_attempts = 1 + u32::try_from(random.below(4)).unwrap();
        Self {
            oracle: Oracle::new(terms, max_attempts),
            machine: Machine::new(terms),
            random,
            market,
            asked: CallSize::default(),
            totals: Totals::default(),
        }
    }

    pub fn run(mut self) -> Totals {
        self.feed(Input::Begun);
        for _ in 0..MOST_STEPS {
            if self.oracle.stopped {
                self.speak_unlawfully_when_it_is_over();
                return self.totals;
            }
            self.step();
        }
        panic!("it does not end");
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..3 => self.speak_unlawfully(),
            3..5 => self.client_leaves(),
            5..8 => self.time_passes(),
            8 => self.provider_crashes(),
            9..12 => self.provider_does_not_wait(),
            _ => match self.next() {
                Some(next) => self.answer(next),
                None => panic!("stuck: nobody is asked for anything"),
            },
        }
    }

    /// One of those who have something to say.
    fn next(&mut self) -> Option<Next> {
        let asked = &self.asked;
        let provider = self.oracle.running.as_ref().is_some_and(|running| !running.waits);
        let all: Vec<Next> = [
            (asked.brain, Next::Brain),
            (asked.admission, Next::Admission),
            (!asked.extensions.is_empty(), Next::Extension),
            (provider, Next::Provider),
            (asked.write.is_some(), Next::Write),
            (asked.row, Next::Row),
            (asked.stream_end, Next::StreamEnd),
        ]
        .into_iter()
        .filter_map(|(can, next)| can.then_some(next))
        .collect();
        (!all.is_empty()).then(|| all[self.random.below(all.len())])
    }

    fn answer(&mut self, next: Next) {
        match next {
            Next::Brain => {
                self.asked.brain = false;
                let input = if self.random.percent(95) {
                    Input::Decided
                } else {
                    self.totals.count("not decided");
                    Input::NotAdmitted(CallFailure::PromptTooLong)
                };
                self.feed(input);
            }
            Next::Admission => self.store_answers_the_admission(),
            Next::Extension => self.store_answers_an_extension(),
            Next::Provider => self.provider_acts(),
            Next::Write => self.client_side_answers(),
            Next::Row => {
                self.asked.row = false;
                self.oracle.row_settled = true;
                let input = if self.random.percent(80) {
                    Input::RowDurable
                } else {
                    self.totals.count("row not durable in time");
                    Input::RowNotDurable
                };
                self.feed(input);
            }
            Next::StreamEnd => {
                self.asked.stream_end = false;
                self.feed(Input::StreamEnded);
            }
        }
    }

    fn store_answers_the_admission(&mut self) {
        self.asked.admission = false;
        match self.random.below(100) {
            0..4 => {
                self.totals.count("not admitted");
                self.feed(Input::NotAdmitted(CallFailure::StoreUnavailable));
            }
            4..7 => {
                self.totals.count("answered before");
                self.feed(Input::AnsweredBefore);
            }
            _ => {
                self.oracle.admitted = true;
                self.oracle.reserved = self.market.reservation(0);
                self.totals.count("admitted");
                self.feed(Input::Admitted(AdmittedCall {
                    candidates: Candidates::new(self.market.candidates()),
                    max_attempts: self.oracle.max_attempts,
                    reserved: self.oracle.reserved,
                }));
            }
        }
    }

    fn store_answers_an_extension(&mut self) {
        let at = self.random.below(self.asked.extensions.len());
        let extension = self.asked.extensions.remove(at);
        let is_ahead = extension.purpose == Purpose::Ahead
            && extension.attempt == self.oracle.attempts_started;
        let answer = match self.random.below(100) {
            0..10 => {
                self.totals.count("top-up denied");
                self.oracle.denied = true;
                self.oracle.an_answer_ahead(is_ahead, Ahead::Denied);
                let funds = Refusal::Funds { available: Usd::ZERO, needed: extension.grant.amount };
                ExtensionAnswer::Denied(CallFailure::Refused(funds, None))
            }
            10..13 => {
                self.totals.count("top-up for a call that is closed as lost");
                self.oracle.denied = true;
                self.oracle.an_answer_ahead(is_ahead, Ahead::Denied);
                ExtensionAnswer::Denied(CallFailure::Internal)
            }
            13..20 => {
                self.totals.count("top-up unanswered");
                self.oracle.denied = true;
                self.oracle.an_answer_ahead(is_ahead, Ahead::Unanswered);
                ExtensionAnswer::Unknown
            }
            _ => {
                self.totals.count("top-up");
                self.oracle.more_is_reserved(extension);
                ExtensionAnswer::Reserved
            }
        };
        let is_misfit = extension.purpose == Purpose::Start
            && matches!(answer, ExtensionAnswer::Denied(CallFailure::Refused(..)))
            && self.oracle.is_open()
            && self.oracle.billed.is_zero()
            && self.oracle.was_asked_of_all(&self.market);
        self.feed(Input::Extended { extension, answer });
        if is_misfit {
            assert_eq!(self.oracle.closed, Some(OutcomeStatus::RejectedFunds));
        }
    }

    fn provider_acts(&mut self) {
        let Some(running) = &mut self.oracle.running else { return };
        let attempt = running.attempt;
        if running.said == 0 && self.random.percent(4) {
            self.totals.count("sent again");
            let noted = self.oracle.noted_sent_again;
            self.feed(Input::SentAgain { attempt });
            return assert_eq!(self.oracle.noted_sent_again, noted + 1, "it is not in the record");
        }
        match running.act(&mut self.random) {
            Act::Say(events) => self.feed(Input::Events { attempt, events }),
            Act::Fail(failure) => {
                self.totals.count(if self.oracle.committed {
                    "failure after content"
                } else {
                    "failure before content"
                });
                self.feed(Input::AttemptFailed { attempt, failure });
            }
            Act::Nothing => panic!("stuck: the provider has said its end"),
        }
    }

    fn client_side_answers(&mut self) {
        let Some(has_end) = self.asked.write.take() else { return };
        self.oracle.writing = false;
        let result = match self.random.below(100) {
            0..3 => {
                self.totals.count("client gone at a write");
                self.oracle.client_left = true;
                WriteResult::Gone
            }
            3..5 => {
                self.totals.count("client stalled");
                self.oracle.client_stalled = true;
                WriteResult::Stalled
            }
            5 => {
                self.totals.count("sink lost");
                self.oracle.sink_lost = true;
                WriteResult::SinkLost
            }
            _ => {
                self.oracle.end_taken |= has_end && self.oracle.closed.is_none();
                WriteResult::Taken
            }
        };
        self.feed(Input::Written(result));
    }

    fn client_leaves(&mut self) {
        self.totals.count(if self.oracle.committed {
            "client left after content"
        } else {
            "client left before content"
        });
        self.oracle.client_left = true;
        self.feed(Input::ClientLeft);
    }

    fn time_passes(&mut self) {
        if self.asked.timers.is_empty() {
            return;
        }
        let at = self.random.below(self.asked.timers.len());
        let timer = self.asked.timers.remove(at);
        self.totals.count(match timer {
            Timer::Head => "head deadline",
            Timer::Total => "total deadline",
            Timer::Drain => "drain deadline",
        });
        self.oracle.total_is_over |= timer == Timer::Total;
        let was_open = self.oracle.is_open();
        let end_is_written = self.asked.write == Some(true);
        self.feed(Input::Deadline(timer));
        if timer == Timer::Total && end_is_written {
            assert_eq!(was_open, self.oracle.is_open(), "a deadline spoils a whole answer");
        } else if timer != Timer::Head {
            assert!(!self.oracle.is_open(), "{timer:?} does not end the call");
        }
    }

    fn provider_crashes(&mut self) {
        if let Some(running) = &self.oracle.running {
            let attempt = running.attempt;
            self.totals.count("provider crashed");
            let failure = ainfera_actors::provider::ProviderFailure::Crashed;
            let end_is_written = self.asked.write == Some(true);
            self.feed(Input::AttemptFailed { attempt, failure });
            let is_whole = end_is_written && self.oracle.running.is_some();
            assert_eq!(end_is_written, is_whole, "a provider spoils a whole answer");
        }
    }

    /// Tells the machine, and does what it says, until it says nothing any more.
    pub(super) fn feed(&mut self, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let wants_an_answer = match &input {
                Input::Events { .. } | Input::Written(_) => true,
                Input::Extended { extension, .. } => extension.purpose == Purpose::Batch,
                _ => false,
            };
            let mut effects = Vec::new();
            self.machine.on(input, &mut effects);
            let answers = effects.iter().filter(|effect| is_an_answer(effect)).count();
            assert_eq!(answers, usize::from(wants_an_answer), "{effects:?}");
            for effect in effects {
                if let Some(input) = self.perform(effect) {
                    assert!(next.is_none(), "two things at a time are asked for at once");
                    next = Some(input);
                }
            }
        }
        if let Some(running) = &self.oracle.running {
            let waiting_for = self.asked.write.is_some()
                || self.asked.extensions.iter().any(|extension| {
                    extension.purpose == Purpose::Batch && extension.attempt == running.attempt
                });
            assert_eq!(running.waits, waiting_for, "a provider waits for nothing, or not");
        }
    }
}

/// To a provider that waits with a batch.
fn is_an_answer(effect: &Effect) -> bool {
    match effect {
        Effect::ReadOn | Effect::StopReading | Effect::Write(_) => true,
        Effect::Extend(extension) => extension.purpose == Purpose::Batch,
        _ => false,
    }
}
