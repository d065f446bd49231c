//! Does what the machine says, as the actor would, and has the oracle look at each of it.

use ainfera_actors::dispatch::machine::effect::{BudgetUse, Effect, Extension, Purpose, Timer};
use ainfera_actors::dispatch::machine::input::{Input, Turn};
use ainfera_actors::provider::ProviderFailure;
use ainfera_actors::provider::transport::failure::ConnectFailure;
use ainfera_routing::DeploymentIndex;
use ainfera_schema::{AttemptResult, OutcomeStatus};
use ainfera_wire::error::BadRequest;

use crate::history::History;
use crate::oracle::{Ahead, has_end};
use crate::provider::Provider;

impl History {
    /// What came of it, where that is known at once.
    pub(super) fn perform(&mut self, effect: Effect) -> Option<Input> {
        let is_late = matches!(effect, Effect::ReadOn | Effect::StopReading);
        assert!(is_late || !self.oracle.stopped, "{effect:?} after the stop");
        match effect {
            Effect::AskBrain => self.asked.brain = true,
            Effect::Admit => {
                assert!(self.oracle.total >= self.oracle.terms.total, "a call without a deadline");
                self.asked.admission = true;
            }
            Effect::TakeTurn { queue, budget } => {
                self.oracle.a_turn_is_taken(&queue, budget);
                return Some(Input::Turn(self.turn(&queue, budget)));
            }
            Effect::ReleaseTurn => {
                if self.oracle.offered.take().is_some() {
                    self.totals.count("candidate left out");
                }
            }
            Effect::StartAttempt { attempt, .. } => return self.start(attempt),
            Effect::NoteSentAgain(ended) => {
                assert!(self.oracle.running.is_some(), "nothing was sent");
                self.oracle.noted_sent_again += 1;
                assert_eq!(ended.attempt.result, AttemptResult::StaleConnection);
                assert!(ended.attempt.cost_usd.is_zero());
            }
            Effect::EndAttempt(ended) => self.oracle.an_attempt_ends(&ended, &self.market),
            Effect::Extend(extension) => self.extend(extension),
            Effect::Write(events) => {
                self.oracle.events_are_passed_on(&events);
                self.asked.write = Some(has_end(&events));
            }
            Effect::ReadOn => {
                assert!(!self.oracle.writing, "the provider is read before the batch was taken");
                if let Some(running) = &mut self.oracle.running {
                    running.waits = false;
                    running.taken = running.said;
                }
            }
            Effect::StopReading | Effect::Log(_) => {}
            Effect::Commit => {
                assert!(!self.oracle.committed, "committed twice");
                self.oracle.committed = true;
                self.totals.count("committed");
            }
            Effect::StartTimer(timer, after) => {
                if timer == Timer::Total {
                    assert!(after > self.oracle.total, "a deadline is shortened");
                    self.oracle.total = after;
                }
                self.asked.timers.retain(|other| *other != timer);
                self.asked.timers.push(timer);
            }
            Effect::StayWithoutClient => {
                self.oracle.stays_without_client();
                self.totals.count("read to the end for nobody");
            }
            Effect::Stop => self.oracle.stops(),
            ending => self.end(ending),
        }
        None
    }

    fn end(&mut self, effect: Effect) {
        match effect {
            Effect::OpenStream => {
                self.oracle.a_head_is_sent();
                assert!(self.oracle.is_open());
                self.oracle.stream_is_open = true;
            }
            Effect::AnswerWhole => {
                self.oracle.a_head_is_sent();
                if self.oracle.admitted {
                    self.oracle.success_is_told();
                }
            }
            Effect::AnswerFailure(failure) => {
                self.oracle.a_head_is_sent();
                self.oracle.failure_is_told(&failure);
                self.totals.count("failure in the head");
            }
            Effect::WriteFailure(failure) => {
                assert!(self.oracle.stream_is_open, "an error before the head");
                self.oracle.failure_is_told(&failure);
                self.asked.stream_end = true;
                self.totals.count("failure in the stream");
            }
            Effect::FinishStream => {
                self.oracle.success_is_told();
                self.asked.stream_end = true;
            }
            Effect::Close(status) => self.close(status),
            Effect::CloseAndWait(status) => {
                self.close(status);
                self.asked.row = true;
            }
            other => panic!("{other:?} is not the end of anything"),
        }
    }

    fn close(&mut self, status: OutcomeStatus) {
        self.oracle.is_closed_as(status);
        self.totals.count(status.as_str());
    }

    fn turn(&mut self, queue: &[DeploymentIndex], budget: BudgetUse) -> Turn {
        match self.random.below(100) {
            0..4 => {
                self.totals.count("nobody can be asked");
                Turn::NoneAvailable { retry_after_seconds: 1, reason: None }
            }
            4..12 if budget == BudgetUse::Needed => {
                self.totals.count("retry budget spent");
                Turn::RetryBudgetSpent
            }
            12 => {
                self.totals.count("not computable");
                Turn::NotComputable
            }
            _ => {
                let first = self.random.percent(80);
                let at = if first { 0 } else { self.random.below(queue.len()) };
                let deployed = self.market.at(queue[at]).clone();
                self.oracle.asked.push(queue[at]);
                let offer = deployed.offer();
                self.oracle.offered = Some(deployed);
                Turn::Of(Box::new(offer))
            }
        }
    }

    fn start(&mut self, attempt: u32) -> Option<Input> {
        let deployed = self.oracle.an_attempt_starts(attempt);
        let provider = Provider::new(&mut self.random, attempt, deployed);
        self.oracle.running = Some(provider);
        self.totals.count("attempt");
        self.random.percent(4).then(|| {
            self.totals.count("attempt that could not start");
            let failure = if self.random.percent(50) {
                ProviderFailure::Untranslatable(BadRequest::new("tools", "cannot be said"))
            } else {
                ProviderFailure::Connect(ConnectFailure::Settings("no certificates".to_owned()))
            };
            Input::NotStarted { attempt, failure }
        })
    }

    fn extend(&mut self, extension: Extension) {
        assert!(self.oracle.is_open());
        let waits = self.oracle.running.as_ref().is_some_and(|running| running.waits);
        self.oracle.enough_is_asked_for(&extension);
        match extension.purpose {
            Purpose::Start => assert!(self.oracle.offered.is_some() && !waits),
            Purpose::Batch => {
                assert!(waits);
                self.oracle.a_batch_needs_more();
            }
            Purpose::Ahead => {
                self.totals.count("top-up ahead");
                if self.oracle.ahead == Ahead::Unanswered {
                    self.totals.count("top-up ahead asked for again");
                }
                self.oracle.more_is_asked_for_ahead();
            }
        }
        self.asked.extensions.push(extension);
    }
}
