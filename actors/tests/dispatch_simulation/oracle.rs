//! What must be true of every call, whatever happens to it. It keeps books of its own and believes
//! nothing that the machine says.

use std::time::Duration;

use ainfera_actors::capture::acknowledge::Acknowledge;
use ainfera_actors::dispatch::CallFailure;
use ainfera_actors::dispatch::machine::CallTerms;
use ainfera_actors::dispatch::machine::attempt_end::AttemptEnd;
use ainfera_actors::dispatch::machine::effect::{BudgetUse, EndedAttempt, Extension};
use ainfera_actors::provider::ProviderFailure;
use ainfera_actors::provider::failure::FailoverCost;
use ainfera_routing::DeploymentIndex;
use ainfera_schema::{OnDisconnect, OutcomeStatus, TokenUsage, Usd};
use ainfera_wire::client::Delivery;
use ainfera_wire::error::{FaultKind, StreamFault};
use ainfera_wire::event::{ProviderEvent, StreamEvent};

use crate::expected::{cannot_either, cost_of};
use crate::market::{Deployed, Market};
use crate::provider::Provider;

/// The books of one call.
pub struct Oracle {
    pub terms: CallTerms,
    pub max_attempts: u32,
    pub admitted: bool,
    /// As the store has it.
    pub reserved: Usd,
    pub billed: Usd,
    pub asked: Vec<DeploymentIndex>,
    pub left_out: Vec<DeploymentIndex>,
    pub offered: Option<Deployed>,
    pub running: Option<Provider>,
    pub attempts_started: u32,
    pub last_failure: Option<ProviderFailure>,
    pub committed: bool,
    pub writing: bool,
    pub end_taken: bool,
    pub heads: u32,
    pub stream_is_open: bool,
    pub closed: Option<OutcomeStatus>,
    /// The row is durable, or was waited for long enough, or need not be waited for.
    pub row_settled: bool,
    pub total: Duration,
    pub stopped: bool,
    pub client_left: bool,
    pub client_stalled: bool,
    pub sink_lost: bool,
    pub stays_without_client: bool,
    pub total_is_over: bool,
    pub denied: bool,
    /// What was asked for ahead for the running attempt.
    pub ahead: Ahead,
    /// Up to how much output of the running attempt is reserved.
    granted_output_tokens: u64,
    attempts_ended: usize,
    pub noted_sent_again: usize,
    /// The shortest wait that a provider asked for.
    retry_after_seconds: Option<u64>,
}

/// What became of the last top-up that was asked for before it was needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ahead {
    NotAsked,
    Asked,
    Denied,
    Unanswered,
}

impl Oracle {
    pub fn new(terms: CallTerms, max_attempts: u32) -> Self {
        Self {
            terms,
            max_attempts,
            admitted: false,
            reserved: Usd::ZERO,
            billed: Usd::ZERO,
            asked: Vec::new(),
            left_out: Vec::new(),
            offered: None,
            running: None,
            attempts_started: 0,
            last_failure: None,
            committed: false,
            writing: false,
            end_taken: false,
            heads: 0,
            stream_is_open: false,
            closed: None,
            row_settled: false,
            total: Duration::ZERO,
            stopped: false,
            client_left: false,
            client_stalled: false,
            sink_lost: false,
            stays_without_client: false,
            total_is_over: false,
            denied: false,
            ahead: Ahead::NotAsked,
            granted_output_tokens: 0,
            attempts_ended: 0,
            noted_sent_again: 0,
            retry_after_seconds: None,
        }
    }

    /// Admitted and not closed.
    pub fn is_open(&self) -> bool {
        self.admitted && self.closed.is_none()
    }

    pub fn more_is_reserved(&mut self, extension: Extension) {
        self.reserved = self.reserved.max(extension.grant.amount);
        if self.running.is_some() && extension.attempt == self.attempts_started {
            let granted = self.granted_output_tokens.max(extension.grant.output_tokens);
            (self.granted_output_tokens, self.ahead) = (granted, Ahead::NotAsked);
        }
    }

    pub fn an_answer_ahead(&mut self, is_ahead: bool, answer: Ahead) {
        if is_ahead && self.running.is_some() {
            self.ahead = answer;
        }
    }

    pub fn more_is_asked_for_ahead(&mut self) {
        let may_be_asked = matches!(self.ahead, Ahead::NotAsked | Ahead::Unanswered);
        assert!(may_be_asked, "more is asked for ahead after {:?}", self.ahead);
        self.ahead = Ahead::Asked;
    }

    /// Whether nobody is left to be asked.
    pub fn was_asked_of_all(&self, market: &Market) -> bool {
        let mut all = market.deployed.iter().map(|deployed| deployed.index);
        all.all(|index| self.asked.contains(&index) || self.left_out.contains(&index))
    }

    /// What is asked for is enough for the output that it is asked for, and what came before.
    pub fn enough_is_asked_for(&self, extension: &Extension) {
        let Some(running) = self.running.as_ref() else { return };
        let output = running.deployed.reservation(extension.grant.output_tokens);
        let enough = self.billed.checked_add(output).unwrap();
        assert!(running.seen_if_taken().is_counted() || extension.grant.amount >= enough);
    }

    /// A provider waits only for what is not reserved.
    pub fn a_batch_needs_more(&self) {
        let running = self.running.as_ref().expect("no batch waits");
        let (seen, deployed) = (running.seen_if_taken(), &running.deployed);
        let cost = cost_of(deployed, seen, &AttemptEnd::Cancelled);
        let tokens = seen.text_bytes.div_ceil(3).min(deployed.bounds.output_tokens);
        let is_dear = self.billed.checked_add(cost).unwrap() > self.reserved;
        let is_long = !seen.is_counted() && tokens > self.granted_output_tokens;
        assert!(is_dear || is_long, "a provider waits for what is reserved");
    }

    pub fn a_turn_is_taken(&self, queue: &[DeploymentIndex], budget: BudgetUse) {
        assert!(self.admitted, "a candidate is chosen before the call is admitted");
        assert!(!self.committed, "another candidate is chosen after the first content");
        assert_eq!(self.closed, None, "a candidate is chosen after the close");
        assert!(self.running.is_none() && self.offered.is_none(), "two candidates at a time");
        assert!(self.attempts_started < self.max_attempts, "more attempts than may be made");
        assert!(!queue.is_empty(), "nobody is to be chosen from");
        let again = queue.iter().find(|index| self.asked.contains(index));
        assert_eq!(again, None, "a deployment is asked twice");
        let is_just_asked = |index: &DeploymentIndex| {
            self.attempts_started + 1 == self.max_attempts
                && self.asked.last().is_some_and(|last| last.model == index.model)
        };
        let in_order =
            |index: &DeploymentIndex| (is_just_asked(index), index.model, index.deployment);
        assert!(queue.is_sorted_by_key(in_order), "not in the router's order: {queue:?}");
        let unable = queue.iter().find(|index| self.left_out.contains(index));
        assert_eq!(unable, None, "a model is asked for what it cannot do");
        let last = self.last_failure.as_ref();
        let kind = last.and_then(ProviderFailure::kind);
        assert_ne!(kind, Some(FaultKind::InvalidRequest), "a wrong request is tried elsewhere");
        let from_budget =
            last.is_some_and(|failure| failure.failover_cost() == FailoverCost::FromBudget);
        let expected = if self.attempts_started > 0 && from_budget {
            BudgetUse::Needed
        } else {
            BudgetUse::Free
        };
        assert_eq!(budget, expected, "after {last:?}");
    }

    pub fn an_attempt_starts(&mut self, attempt: u32) -> Deployed {
        assert!(self.admitted, "a provider is asked before the call is admitted");
        assert!(!self.committed, "another provider is asked after the first content");
        assert_eq!(self.closed, None, "a provider is asked after the close");
        assert!(self.running.is_none(), "two providers are asked at a time");
        let deployed = self.offered.take().expect("it is nobody's turn");
        self.attempts_started += 1;
        assert_eq!(attempt, self.attempts_started);
        self.ahead = Ahead::NotAsked;
        self.granted_output_tokens = deployed.first_output_tokens;
        let needed = deployed.reservation(deployed.first_output_tokens);
        assert!(
            self.billed.checked_add(needed).unwrap() <= self.reserved,
            "a provider is asked and {needed} is not reserved"
        );
        deployed
    }

    pub fn an_attempt_ends(&mut self, ended: &EndedAttempt, market: &Market) {
        let mut running = self.running.take().expect("an attempt ends that does not run");
        let is_truncated =
            ended.end == AttemptEnd::Failed(ProviderFailure::Stream(StreamFault::Truncated));
        if is_truncated && running.waits && running.has_said_its_end() {
            // a whole answer that is empty
            running.taken = running.said;
            let seen = running.seen();
            assert!(!seen.content && !self.committed);
            let is_empty = seen.output_tokens == 0 && seen.text_bytes == 0 && !seen.refusal;
            assert!(is_empty && self.terms.max_tokens > 0, "an answer is taken for none");
        }
        let (cost, deployed) = (ended.attempt.cost_usd, &running.deployed);
        assert_eq!(cost, cost_of(deployed, running.seen(), &ended.end), "{:?}", ended.end);
        let usage = &ended.attempt.usage;
        assert_eq!(cost.is_zero(), *usage == TokenUsage::default(), "{usage:?} for {cost}");
        assert_eq!(ended.attempt.usage_basis, running.seen().basis());
        if !cost.is_zero() {
            assert_eq!(usage.tool_uses, deployed.certain_uses(), "uses that are not billed");
        }
        if ended.attempt.implausible {
            let (input, output) = (deployed.bounds.input_tokens, deployed.bounds.output_tokens);
            let is_bounded = usage.prompt_tokens() <= input && usage.output_tokens <= output;
            assert!(is_bounded && cost == deployed.reservation(output), "{usage:?}");
        }
        self.attempts_ended += 1;
        self.billed = self.billed.checked_add(ended.attempt.cost_usd).unwrap();
        assert!(self.billed <= self.reserved, "{} of {} reserved", self.billed, self.reserved);
        match &ended.end {
            AttemptEnd::Failed(failure) => {
                if !self.committed {
                    assert_eq!(ended.stop_reason, None, "no answer comes from this attempt");
                    let waits = [self.retry_after_seconds, failure.retry_after_seconds()];
                    self.retry_after_seconds = waits.into_iter().flatten().min();
                }
                if let Some(FaultKind::ModelLacks(lack)) = failure.kind() {
                    let all = market.deployed.iter();
                    let unable = all.filter(|other| cannot_either(other, deployed, lack));
                    self.left_out.extend(unable.map(|other| other.index));
                }
                self.last_failure = Some(failure.clone());
            }
            AttemptEnd::Succeeded => assert!(running.has_said_its_end(), "it did not end"),
            AttemptEnd::Cancelled => {
                let is_whole = self.stays_without_client && running.is_taken_to_its_end();
                assert!(!is_whole || self.writing, "a whole answer counts as stopped");
            }
            AttemptEnd::SentAgain => panic!("what was sent again goes on"),
        }
    }

    pub fn events_are_passed_on(&mut self, events: &[ProviderEvent]) {
        assert!(self.committed, "events are passed on while another candidate may follow");
        assert!(!self.writing, "two batches are passed on at a time");
        assert!(!self.stays_without_client, "events are passed on to nobody");
        assert_eq!(self.closed, None, "events are passed on after the close");
        assert_eq!(
            self.stream_is_open,
            self.terms.delivery == Delivery::Streamed,
            "the head comes before the body"
        );
        let running = self.running.as_mut().expect("nobody said this");
        assert_eq!(events, running.not_passed_on(), "not what the provider said");
        (running.passed_on, running.taken) = (running.said, running.said);
        self.writing = true;
        let seen = running.seen();
        let is_answer = seen.content || seen.refusal || seen.text_bytes > 0;
        assert!(
            is_answer || seen.output_tokens > 0 || self.terms.max_tokens == 0,
            "an answer without content is passed on"
        );
        self.what_was_said_is_reserved();
    }

    /// Counted exactly where the provider has counted, otherwise not less than it can count.
    fn what_was_said_is_reserved(&self) {
        let running = self.running.as_ref().unwrap();
        let seen = running.seen();
        let tokens = seen.text_bytes.div_ceil(3).min(running.deployed.bounds.output_tokens);
        let is_reserved = seen.is_counted() || tokens <= self.granted_output_tokens;
        assert!(is_reserved, "passed on for {tokens}, of {}", self.granted_output_tokens);
        let cost = if seen.is_counted() {
            cost_of(&running.deployed, seen, &AttemptEnd::Cancelled)
        } else {
            running.deployed.reservation(seen.text_bytes.div_ceil(3))
        };
        let cost = self.billed.checked_add(cost).unwrap();
        assert!(cost <= self.reserved, "passed on for {cost}, and {} is reserved", self.reserved);
    }

    pub fn a_head_is_sent(&mut self) {
        self.heads += 1;
        assert_eq!(self.heads, 1, "a client gets one head");
    }

    /// The client is told how the call ended.
    pub fn the_end_is_told(&self) {
        if self.admitted {
            assert!(self.closed.is_some(), "the end is told before the close");
            assert!(self.row_settled, "the end is told before the row is durable");
        }
    }

    pub fn success_is_told(&self) {
        self.the_end_is_told();
        assert_eq!(self.closed, Some(OutcomeStatus::Succeeded));
    }

    pub fn failure_is_told(&self, failure: &CallFailure) {
        let is_gone = self.client_left || self.client_stalled || self.sink_lost;
        assert!(!is_gone, "a failure is told to nobody");
        self.the_end_is_told();
        match failure {
            CallFailure::AllFailed { attempts, retry_after_seconds, .. }
                if self.last_failure.is_some() =>
            {
                assert_eq!(*attempts, self.attempts_ended, "not all attempts are told");
                assert_eq!(*retry_after_seconds, self.retry_after_seconds);
            }
            CallFailure::PinnedFailed { retry_after_seconds, .. }
                if self.last_failure.is_some() =>
            {
                assert_eq!(*retry_after_seconds, self.retry_after_seconds);
            }
            _ => {}
        }
        assert!(!self.end_taken, "a failure is told after the end was");
        assert_ne!(self.closed, Some(OutcomeStatus::Succeeded));
    }

    pub fn is_closed_as(&mut self, status: OutcomeStatus) {
        assert!(self.admitted, "there is nothing to close");
        assert_eq!(self.closed, None, "closed twice");
        assert!(self.running.is_none(), "an attempt runs after the close");
        self.closed = Some(status);
        self.row_settled = self.terms.acknowledge == Acknowledge::After;
        match status {
            OutcomeStatus::Succeeded => assert!(self.end_taken, "success without an end"),
            OutcomeStatus::ClientGone => assert!(self.client_left),
            OutcomeStatus::ClientStalled => assert!(self.client_stalled),
            OutcomeStatus::TimedOut => assert!(self.total_is_over),
            OutcomeStatus::FailedMidstream => assert!(self.committed || self.denied),
            _ => assert!(!self.end_taken, "{status:?} although the answer is whole"),
        }
    }

    pub fn stays_without_client(&mut self) {
        let running = self.running.as_ref().expect("there is nothing to stay for");
        assert!(self.committed && self.client_left && !self.stays_without_client);
        assert_eq!(running.deployed.on_disconnect, OnDisconnect::Drain);
        self.stays_without_client = true;
    }

    pub fn stops(&mut self) {
        assert!(!self.stopped, "stopped twice");
        self.stopped = true;
        assert!(self.running.is_none() && self.offered.is_none(), "something is left running");
        assert_eq!(self.admitted, self.closed.is_some(), "every admitted call is closed");
        let unheard = self.client_left || self.client_stalled || self.sink_lost;
        assert!(self.heads == 1 || unheard, "the client gets no head");
    }
}

pub fn has_end(events: &[ProviderEvent]) -> bool {
    events.iter().any(|event| event.event == StreamEvent::End)
}
