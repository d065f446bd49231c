//! DispatchActor: one call, from its admission to its row.
//!
//! It asks the brain for candidates, asks the store to let the call in, runs one provider attempt
//! after the other until one says something, and from then on only passes on what that one says.
//! Its life is one [`Phase`]; what the bill says is in [`meter`], what a failure means in
//! [`failure`].

pub mod admission;
mod attempt;
mod attempt_end;
mod disconnect;
pub mod draft;
pub mod failure;
pub mod foresight;
pub mod head;
mod hold;
mod last_word;
pub mod meter;
mod queue;
pub mod replay;
pub(crate) mod reservation;
pub mod strict;
mod total;
mod turn;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, MailboxError, Message,
    ResponseActFuture, WrapFuture,
};
use ainfera_routing::DeploymentIndex;
use ainfera_schema::OutcomeStatus;
use ainfera_wire::client::call::Delivery;
use ainfera_wire::error::provider_error::FaultKind;
use ainfera_wire::error::stream_fault::StreamFault;
use ainfera_wire::{ProviderEvent, StreamEvent};

use crate::brain::Choice;
use crate::gate::Permit;
use crate::outcome::OpenOutcome;
use crate::provider::{Attempting, Emit, Failed, Next, ProviderFailure, SentAgain, Taken};
use crate::sink::{Opened, SinkError, Write, Written};
use admission::{Admitted, CallSetup, Entry};
use attempt::start_attempt;
use attempt_end::AttemptEnd;
use disconnect::Client;
pub use failure::CallFailure;
pub use head::{Head, HeadBody, HeadFacts, HeadReply, SinkAddress, StreamAddress};
use hold::Held;
use meter::{Counted, Running};
use queue::{Queue, queue_of};
use total::Total;

/// Told by [`crate::sink::body::ClientHold`] when the client leaves.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ClientGone;

/// See the module.
pub struct DispatchActor {
    setup: Rc<CallSetup>,
    /// Taken when the call asks to be admitted; from then on it travels with the outcome.
    permit: Option<Permit>,
    sink: SinkAddress,
    /// Taken when the head is sent.
    head: Option<HeadReply>,
    phase: Phase,
    attempts_started: u32,
    client: Client,
    total: Total,
}

/// The whole life of a call; failover is possible in `Trying` only.
enum Phase {
    Admitting,
    /// Nothing that matters was said yet.
    Trying {
        open: Open,
        held: Vec<ProviderEvent>,
    },
    /// Content is on its way to the client: an error is now an event of the stream.
    Committed {
        open: Open,
    },
    Closed,
}

/// An admitted call.
struct Open {
    /// What did not reach the provider that answers as it was sent.
    coercions: Arc<[String]>,
    outcome: OpenOutcome,
    choice: Choice,
    /// The deployments that were not asked yet.
    left: VecDeque<DeploymentIndex>,
    /// The model whose deployment was asked last: a position in the catalogue.
    asked_last: Option<usize>,
    /// To remember which deployment serves it.
    conversation: Option<u64>,
    running: Option<(Running, Attempting)>,
    held: Held,
    /// The shortest wait that a provider asked for: then it is worth trying again.
    retry_after_seconds: Option<u64>,
}

impl DispatchActor {
    pub fn new(setup: Rc<CallSetup>, permit: Permit, sink: SinkAddress, head: HeadReply) -> Self {
        Self {
            setup,
            permit: Some(permit),
            sink,
            head: Some(head),
            phase: Phase::Admitting,
            attempts_started: 0,
            client: Client::There,
            total: Total::new(),
        }
    }

    fn admitted(&mut self, result: Result<Entry, CallFailure>, context: &mut Context<Self>) {
        match result {
            Err(failure) => {
                self.answer(Err(failure));
                context.stop();
            }
            Ok(Entry::Replay { answer, summary }) => {
                self.answer(Ok(replay::head(
                    &self.setup.call.client,
                    &answer,
                    *summary,
                    self.setup.call.delivery,
                )));
                context.stop();
            }
            Ok(Entry::Admitted(admitted)) => {
                let Admitted { outcome, choice, hold } = *admitted;
                let Queue { left, conversation } = queue_of(&self.setup, &choice);
                self.setup.worker.health.earn_retry(Instant::now());
                let held = Held::new(hold);
                let open = Open {
                    outcome,
                    choice,
                    left,
                    asked_last: None,
                    conversation,
                    running: None,
                    held,
                    retry_after_seconds: None,
                    coercions: Arc::default(),
                };
                self.phase = Phase::Trying { open, held: Vec::new() };
                if self.sink.stream.is_some() {
                    context.run_later(self.setup.worker.deadlines.hold, |actor, _| {
                        actor.hold_is_over()
                    });
                }
                self.try_next(None, context);
            }
        }
    }

    /// Starts the next candidate, or ends the call when there is none left.
    fn try_next(&mut self, last: Option<ProviderFailure>, context: &mut Context<Self>) {
        let mut last = last;
        loop {
            let Phase::Trying { open, held } = &mut self.phase else { return };
            held.clear();
            let failed = last.clone();
            let (entry, pass) =
                match turn::next_turn(&self.setup, open, self.attempts_started, last) {
                    Ok(turn) => turn,
                    Err(failure) => {
                        return self.fail(failure, OutcomeStatus::FailedProviderError, context);
                    }
                };
            self.attempts_started += 1;
            let running = Running::new(
                self.attempts_started,
                entry,
                pass,
                &self.setup.call,
                open.choice.most_output_tokens,
            );
            let missing = running
                .and_then(|running| Ok((hold::missing(&self.setup, open, &running)?, running)));
            let running = match missing {
                Ok((None, running)) => running,
                Ok((Some(grant), running)) => {
                    return self.extend_and_start(running, grant, failed, context);
                }
                Err(error) => {
                    tracing::error!(request_id = self.setup.request_id.header_value(), %error, "hold cannot be computed");
                    return self.fail(CallFailure::Internal, OutcomeStatus::FailedOther, context);
                }
            };
            match self.start_attempt(running, context) {
                Ok(()) => return,
                Err(failure) => last = Some(failure),
            }
        }
    }

    /// What it may cost is held.
    fn start_attempt(
        &mut self,
        mut running: Running,
        context: &mut Context<Self>,
    ) -> Result<(), ProviderFailure> {
        self.allow_total(self.setup.worker.total(&self.setup.call, &running.entry.model), context);
        let Phase::Trying { open, .. } = &mut self.phase else { return Ok(()) };
        match start_attempt(&self.setup, &mut running, open, context) {
            Ok(attempting) => {
                open.running = Some((running, attempting));
                Ok(())
            }
            Err(failure) => {
                running.pass.failed(&failure, Instant::now(), turn::chance(&self.setup));
                let cause = failure.cause().as_str();
                tracing::info!(request_id = self.setup.request_id.header_value(), cause, %failure, "attempt could not start");
                open.note_attempt(&running, AttemptEnd::Failed(&failure));
                Err(failure)
            }
        }
    }

    fn attempt_failed(&mut self, failure: ProviderFailure, context: &mut Context<Self>) {
        let (open, committed) = match &mut self.phase {
            Phase::Trying { open, .. } => (open, false),
            Phase::Committed { open } => (open, true),
            Phase::Admitting | Phase::Closed => return,
        };
        let Some((mut running, _stops_when_dropped)) = open.running.take() else { return };
        running.pass.failed(&failure, Instant::now(), turn::chance(&self.setup));
        running.may_have_been_worked_on = failure.may_have_been_worked_on();
        tracing::info!(
            request_id = self.setup.request_id.header_value(), attempt = running.attempt, model = %running.entry.model.slug,
            provider = %running.entry.model.provider, cause = failure.cause().as_str(), %failure, committed, "attempt failed"
        );
        open.note_attempt(&running, AttemptEnd::Failed(&failure));
        open.retry_after_seconds =
            open.retry_after_seconds.into_iter().chain(failure.retry_after_seconds()).min();
        if committed {
            open.bill(&running);
            if let Client::Left(_) = self.client {
                self.close(OutcomeStatus::ClientGone);
                return context.stop();
            }
            return self.fail(
                CallFailure::midstream(&failure),
                OutcomeStatus::FailedMidstream,
                context,
            );
        }
        if let Some(FaultKind::ModelLacks(lack)) = failure.kind() {
            turn::leave_out_as_unable(open, &running.entry.model, lack);
        }
        match failure.next() {
            Next::NextCandidate => self.try_next(Some(failure), context),
            Next::GiveUp => {
                open.left.clear();
                self.try_next(Some(failure), context);
            }
        }
    }

    /// Passes on a batch. The answer comes when the client's side took it.
    fn pass_on(&mut self, events: Vec<ProviderEvent>) -> ResponseActFuture<Self, Taken> {
        let ended = events.iter().any(|heard| heard.event == StreamEvent::End);
        let coercions = match &self.phase {
            Phase::Trying { open, .. } | Phase::Committed { open } => Arc::clone(&open.coercions),
            Phase::Admitting | Phase::Closed => Arc::default(),
        };
        let written = self.sink.write.send(Write { events, coercions }).into_actor(self);
        Box::pin(written.map(move |result, actor, context| actor.passed_on(result, ended, context)))
    }

    fn passed_on(
        &mut self,
        result: Result<Result<Written, SinkError>, MailboxError>,
        ended: bool,
        context: &mut Context<Self>,
    ) -> Taken {
        match result {
            Ok(Ok(written)) => {
                if ended {
                    self.succeed(written, context);
                }
                Taken::ReadOn
            }
            Ok(Err(SinkError::Gone)) if ended => {
                self.finished_alone(context);
                Taken::ReadOn
            }
            Ok(Err(SinkError::Gone)) => self.client_left(context),
            Ok(Err(SinkError::Stalled)) => self.end_early(OutcomeStatus::ClientStalled, context),
            Err(_) => self.end_early(OutcomeStatus::FailedOther, context),
        }
    }

    /// The client, or a deadline of ours, ends the call while an attempt may be running: what was
    /// observed is billed.
    fn end_early(&mut self, status: OutcomeStatus, context: &mut Context<Self>) -> Taken {
        self.settle_running();
        self.close(status);
        context.stop();
        Taken::Stop
    }

    fn close(&mut self, status: OutcomeStatus) {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Trying { open, .. } | Phase::Committed { open } => open.outcome.close(status),
            Phase::Admitting | Phase::Closed => {}
        }
    }

    fn answer(&mut self, answer: Result<Head, CallFailure>) {
        if let Some(head) = self.head.take() {
            // nobody there: the client has left, and ClientGone is on its way
            let _ = head.send(answer);
        }
    }

    fn open_stream(&mut self) {
        let (Phase::Trying { open, .. } | Phase::Committed { open }) = &mut self.phase else {
            return;
        };
        if self.head.is_none() {
            return;
        }
        if let Some(facts) = open.facts() {
            self.answer(Ok(Head { facts, body: HeadBody::Stream }));
            if let Some(stream) = &self.sink.stream {
                stream.opened.do_send(Opened);
            }
        }
    }

    /// The client has waited long enough for a status: it gets its 200 and pings. Until content
    /// comes, candidates can still be changed.
    fn hold_is_over(&mut self) {
        if let Phase::Trying { .. } = self.phase {
            self.open_stream();
        }
    }
}

/// An answer that needs no waiting.
fn taken(taken: Taken) -> ResponseActFuture<DispatchActor, Taken> {
    Box::pin(actix::fut::ready(taken))
}

impl Actor for DispatchActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Some(permit) = self.permit.take() else { return };
        crate::fault_injection::arm(self.setup.request_id, &self.setup.call.body);
        let admission = admission::admit(Rc::clone(&self.setup), permit).into_actor(self);
        context.spawn(admission.map(|result, actor, context| actor.admitted(result, context)));
        // until a candidate is asked it is that of a model that just answers
        self.allow_total(self.setup.worker.deadlines.answering.total, context);
    }
}

impl DispatchActor {
    /// Stops the running attempt and bills what was observed of it.
    fn settle_running(&mut self) {
        if let Phase::Trying { open, .. } | Phase::Committed { open } = &mut self.phase
            && let Some((running, _stops_when_dropped)) = open.running.take()
        {
            open.note_attempt(&running, AttemptEnd::Cancelled);
            open.bill(&running);
        }
    }
}

impl Handler<Emit> for DispatchActor {
    type Result = ResponseActFuture<Self, Taken>;

    fn handle(&mut self, emit: Emit, context: &mut Self::Context) -> Self::Result {
        crate::fault_injection::maybe_panic("dispatch", &self.setup.call.body);
        self.hear(emit, context)
    }
}

impl DispatchActor {
    /// A batch whose cost is held.
    fn heard(
        &mut self,
        emit: Emit,
        counted: Counted,
        context: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Taken> {
        let (Phase::Trying { open, .. } | Phase::Committed { open }) = &mut self.phase else {
            return taken(Taken::Stop);
        };
        let Some((running, _)) = &mut open.running else { return taken(Taken::Stop) };
        running.stream_mode = emit.stream_mode;
        running.listen(counted);
        if let Client::Left(_) = self.client {
            if emit.events.iter().any(|heard| heard.event == StreamEvent::End) {
                self.finished_alone(context);
            }
            return taken(Taken::ReadOn);
        }
        let Phase::Trying { held, .. } = &mut self.phase else { return self.pass_on(emit.events) };
        let content = emit.events.iter().any(ProviderEvent::is_content);
        let finished = emit.events.iter().any(|heard| heard.event == StreamEvent::End);
        held.extend(emit.events);
        if !content && !finished {
            return taken(Taken::ReadOn);
        }
        self.commit(content, context)
    }

    /// The first content is here: from now on there is no other candidate.
    fn commit(
        &mut self,
        content: bool,
        context: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Taken> {
        let Phase::Trying { open, held } = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return taken(Taken::Stop);
        };
        let asked_for_nothing = self.setup.call.max_tokens == 0;
        let said_nothing = !asked_for_nothing
            && !content
            && open.running.as_ref().is_none_or(|(running, _)| running.said_nothing());
        if said_nothing {
            self.phase = Phase::Trying { open, held };
            self.attempt_failed(ProviderFailure::Stream(StreamFault::Truncated), context);
            return taken(Taken::Stop);
        }
        self.phase = Phase::Committed { open };
        if let Phase::Committed { open } = &mut self.phase {
            open.note_first_content();
            if let Some((running, _)) = &mut open.running {
                running.pass.answered();
            }
        }
        if self.setup.call.delivery == Delivery::Streamed {
            self.open_stream();
        }
        self.pass_on(held)
    }
}

impl Handler<Failed> for DispatchActor {
    type Result = ();

    fn handle(&mut self, failed: Failed, context: &mut Self::Context) {
        let current = match &self.phase {
            Phase::Trying { open, .. } | Phase::Committed { open } => {
                open.running.as_ref().map(|(running, _)| running.attempt)
            }
            Phase::Admitting | Phase::Closed => None,
        };
        if current == Some(failed.attempt) {
            self.attempt_failed(failed.failure, context);
        }
    }
}

impl Handler<SentAgain> for DispatchActor {
    type Result = ();

    fn handle(&mut self, sent_again: SentAgain, _: &mut Self::Context) {
        let (Phase::Trying { open, .. } | Phase::Committed { open }) = &mut self.phase else {
            return;
        };
        open.note_sent_again(sent_again.attempt, &self.setup);
    }
}

impl Handler<ClientGone> for DispatchActor {
    type Result = ();

    fn handle(&mut self, _: ClientGone, context: &mut Self::Context) {
        // stopped while it is being admitted, the pending admission closes itself
        self.client_left(context);
    }
}
