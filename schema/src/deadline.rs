//! Every wait has a deadline, and every deadline has a name.

use std::time::Duration;

/// How long each phase of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// From the name of the provider to a connection that can be used: look-up, TCP, proxy and TLS
    /// together.
    pub connect: Duration,
    /// For a model that answers without reasoning first.
    pub answering: Patience,
    /// For a model that reasons before it answers.
    pub reasoning: Patience,
    /// How long the client may take nothing while we have something for it.
    pub stall: Duration,
    /// How long the stream may be silent before we send a `ping`.
    pub ping: Duration,
    /// How long the 200 is withheld while no content has come.
    pub head_delay: Duration,
    /// How long calls are still accepted after a stop signal, while `/readyz` says that they should
    /// go elsewhere.
    pub drain_least: Duration,
    /// How long streams may run on after that.
    pub drain: Duration,
    /// How long the request body may take to arrive.
    pub body: Duration,
    /// How long admission may wait for the store.
    pub admission: Duration,
    /// How long a closed call may wait for the store before it is also written to the spool.
    pub spool_after: Duration,
    /// How long the last word of an answer may wait for its row to be durable.
    pub acknowledge: Duration,
    /// How long a provider may be read on after its client has left, where its counts are wanted.
    pub drain_after_disconnect: Duration,
    /// How long a client's WebSocket connection may last; a response that runs then is not cut.
    pub websocket: Duration,
    /// How often a replica says that it lives.
    pub heartbeat: Duration,
    /// How long a replica may be silent before the others give it up.
    pub lease: Duration,
}

/// How long a provider may take over one attempt. What is reasonable depends on what was asked of
/// which model: one that reasons may be silent for minutes and end well. A provider that is gone is
/// found by TCP keep-alive, not by silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the request to the provider's first event; the next candidate follows.
    pub first_event: Duration,
    /// From the request to the head of an answer that is not streamed, which comes when the answer
    /// is ready.
    pub whole_answer: Duration,
    /// Between two events of the provider.
    pub idle: Duration,
    /// From the call's beginning to its end.
    pub total: Duration,
}

/// The same, as far as it is set for one provider or one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnDeadlines {
    pub first_event: Option<Duration>,
    pub whole_answer: Option<Duration>,
    pub idle: Option<Duration>,
    pub total: Option<Duration>,
}

impl OwnDeadlines {
    /// `patience` with what is set here in its place.
    pub fn over(&self, patience: Patience) -> Patience {
        Patience {
            first_event: self.first_event.unwrap_or(patience.first_event),
            whole_answer: self.whole_answer.unwrap_or(patience.whole_answer),
            idle: self.idle.unwrap_or(patience.idle),
            total: self.total.unwrap_or(patience.total),
        }
    }
}

impl Patience {
    pub const ANSWERING: Patience = Patience {
        first_event: Duration::from_secs(120),
        whole_answer: Duration::from_secs(600),
        idle: Duration::from_secs(120),
        total: Duration::from_secs(15 * 60),
    };
    pub const REASONING: Patience = Patience {
        first_event: Duration::from_secs(600),
        whole_answer: Duration::from_secs(30 * 60),
        idle: Duration::from_secs(600),
        total: Duration::from_secs(60 * 60),
    };
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answering: Patience::ANSWERING,
            reasoning: Patience::REASONING,
            stall: Duration::from_secs(30),
            ping: Duration::from_secs(10),
            head_delay: Duration::from_secs(10),
            drain_least: Duration::ZERO,
            drain: Duration::from_secs(120),
            body: Duration::from_secs(60),
            admission: Duration::from_secs(5),
            spool_after: Duration::from_secs(2),
            acknowledge: Duration::from_secs(5),
            drain_after_disconnect: Duration::from_secs(5),
            websocket: Duration::from_secs(60 * 60),
            heartbeat: Duration::from_secs(5),
            lease: Duration::from_secs(30),
        }
    }
}
