//! Every wait has a deadline, and every deadline has a name.

use std::time::Duration;

/// How long each phase of a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// TCP and TLS to the provider.
    pub connect: Duration,
    /// From the request to the provider's first event; the next candidate follows.
    pub first_event: Duration,
    /// From the request to the head of an answer that is not streamed, which comes when the answer is ready.
    pub whole_answer: Duration,
    /// Between two events of the provider.
    pub idle: Duration,
    /// The whole call.
    pub total: Duration,
    /// How long the client may take nothing while we have something for it.
    pub stall: Duration,
    /// How long the stream may be silent before we send a `ping`.
    pub ping: Duration,
    /// How long the 200 is withheld while no content has come.
    pub hold: Duration,
    /// How long streams may run on after a stop signal.
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
    /// How often a replica says that it lives.
    pub heartbeat: Duration,
    /// How long a replica may be silent before the others give it up.
    pub lease: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_event: Duration::from_secs(60),
            whole_answer: Duration::from_secs(600),
            idle: Duration::from_secs(60),
            total: Duration::from_secs(900),
            stall: Duration::from_secs(30),
            ping: Duration::from_secs(10),
            hold: Duration::from_secs(10),
            drain: Duration::from_secs(120),
            body: Duration::from_secs(60),
            admission: Duration::from_secs(5),
            spool_after: Duration::from_secs(2),
            acknowledge: Duration::from_secs(5),
            drain_after_disconnect: Duration::from_secs(5),
            heartbeat: Duration::from_secs(5),
            lease: Duration::from_secs(30),
        }
    }
}
