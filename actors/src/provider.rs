//! ProviderActor: one attempt at one provider. It owns the response body, reads it as fast as the
//! dispatcher takes it, and stops reading the moment it is stopped: cancellation is a drop, all the
//! way to the provider's socket.

pub mod exchange;
pub mod failure;
pub mod probe;
pub mod refusal;
pub mod send;
pub mod transport;

use std::rc::Rc;
use std::sync::Arc;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message,
    WeakRecipient, WrapFuture,
};
use ainfera_schema::{Patience, ProviderId, StreamMode};
use ainfera_wire::event::ProviderEvent;
use ainfera_wire::provider::{UpstreamReader, UpstreamRequest};

use exchange::Exchange;
pub use failure::{Next, ProviderFailure};
use transport::pool::Pool;

use crate::counters::Counters;

/// What one read of the provider said. Answered when the client's side took it.
#[derive(Message)]
#[rtype(result = "Taken")]
pub struct Emit {
    /// Which attempt of the call this is: what a replaced one still says is ignored.
    pub attempt: u32,
    pub events: Vec<ProviderEvent>,
    /// How they came.
    pub stream_mode: StreamMode,
}

/// Whether to read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    ReadOn,
    Stop,
}

/// The attempt failed. Success has no message: it is an event of the stream.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Failed {
    pub attempt: u32,
    pub failure: ProviderFailure,
}

/// The request went out over a kept connection that the provider had closed; it is being sent once
/// more, over a new one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SentAgain {
    pub attempt: u32,
}

/// The call needs this attempt no longer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stop;

/// Everything that one attempt needs.
pub struct ProviderSetup {
    pub attempt: u32,
    pub provider: ProviderId,
    pub counters: Arc<Counters>,
    pub pool: Rc<Pool>,
    pub request: UpstreamRequest,
    pub reader: UpstreamReader,
    pub patience: Patience,
    /// The dispatcher; weak, for it owns us.
    pub emit: WeakRecipient<Emit>,
    pub failed: WeakRecipient<Failed>,
    pub sent_again: WeakRecipient<SentAgain>,
}

/// See the module.
pub struct ProviderActor {
    setup: Option<ProviderSetup>,
}

impl ProviderActor {
    pub fn start_attempt(setup: ProviderSetup) -> AttemptHandle {
        AttemptHandle { provider: Some(ProviderActor { setup: Some(setup) }.start()) }
    }
}

impl Actor for ProviderActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let Some(setup) = self.setup.take() else { return };
        let report = Report {
            attempt: setup.attempt,
            to: setup.failed.clone(),
            failure: Some(ProviderFailure::Crashed),
        };
        let (emit, sent_again) = (setup.emit.clone(), setup.sent_again.clone());
        let attempt = setup.attempt;
        let (provider, counters) = (setup.provider, setup.counters);
        let sent = setup.request.body.clone();
        let secrets = setup.request.secrets();
        let exchange = Exchange::new(setup.pool, setup.request, setup.reader, setup.patience);
        let run = async move {
            // owned here, so that it speaks also when this future panics
            let mut report = report;
            let stale = || {
                if let Some(dispatch) = sent_again.upgrade() {
                    dispatch.do_send(SentAgain { attempt });
                }
            };
            let ended = exchange.run(stale, async |events, stream_mode| {
                crate::fault_injection::maybe_panic("provider", &sent);
                counters.oddities.observe(&provider, &events);
                match emit.upgrade() {
                    Some(dispatch) => dispatch
                        .send(Emit { attempt, events, stream_mode })
                        .await
                        .unwrap_or(Taken::Stop),
                    None => Taken::Stop,
                }
            });
            report.failure = ended.await.err().map(|failure| failure.without_keys(&secrets));
        };
        context.spawn(run.into_actor(self).map(|(), _, context| context.stop()));
    }
}

impl Handler<Stop> for ProviderActor {
    type Result = ();

    fn handle(&mut self, _: Stop, context: &mut Self::Context) {
        context.stop();
    }
}

/// Tells the dispatcher how the attempt failed, also when it panics.
struct Report {
    attempt: u32,
    to: WeakRecipient<Failed>,
    failure: Option<ProviderFailure>,
}

impl Drop for Report {
    fn drop(&mut self) {
        if let (Some(failure), Some(dispatch)) = (self.failure.take(), self.to.upgrade()) {
            dispatch.do_send(Failed { attempt: self.attempt, failure });
        }
    }
}

/// A running attempt, as the dispatcher holds it: dropping it stops the provider.
#[derive(Debug)]
pub struct AttemptHandle {
    provider: Option<Addr<ProviderActor>>,
}

impl AttemptHandle {
    /// The answer is whole: let the provider read the last bytes, so that its connection can be
    /// used again.
    pub fn drain_connection(mut self) {
        self.provider = None;
    }
}

impl Drop for AttemptHandle {
    fn drop(&mut self) {
        if let Some(provider) = self.provider.take() {
            provider.do_send(Stop);
        }
    }
}
