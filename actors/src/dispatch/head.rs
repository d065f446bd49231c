//! Where a call's answer goes: its head to the handler, its body through the sink.

use actix::Recipient;
use ainfera_schema::StreamMode;
use ainfera_schema::Usd;
use ainfera_wire::client::Delivery;
use bytes::Bytes;
use tokio::sync::oneshot;

use super::CallFailure;
use crate::sink::{Close, Finish, Opened, Write, WriteError};

/// What the handler waits for.
pub type HeadReply = oneshot::Sender<Result<Head, FailedHead>>;

/// The call succeeds so far: what to say in the response's head.
#[derive(Debug)]
pub struct Head {
    pub facts: HeadFacts,
    pub body: HeadBody,
}

/// The call failed before its head.
#[derive(Debug)]
pub struct FailedHead {
    pub failure: CallFailure,
    /// What did not reach the provider as it was sent, of the attempt that was the last.
    pub coercions: Vec<String>,
}

/// Where the body is.
#[derive(Debug)]
pub enum HeadBody {
    /// In the channel that the sink writes to.
    Stream,
    /// Here.
    Whole(Bytes),
    /// Here, and it is the answer of an earlier call with the same idempotency key.
    Replayed { body: Bytes, delivery: Delivery },
}

/// What the response's headers tell.
#[derive(Debug, Clone)]
pub struct HeadFacts {
    pub model: String,
    /// Where the model was asked. Not known of an answer that is given again.
    pub provider: Option<String>,
    pub inference_id: String,
    pub receipt_id: String,
    pub coercions: Vec<String>,
    pub stream_mode: StreamMode,
    /// What the call costs, as far as it is known: a stream's head is before its end.
    pub cost_usd: Usd,
}

/// The sinks of one call, seen from here.
pub struct SinkAddress {
    pub write: Recipient<Write>,
    /// Only a stream can be opened early, or fail after its head.
    pub stream: Option<StreamAddress>,
}

/// Dropping it ends the body.
pub struct StreamAddress {
    pub opened: Recipient<Opened>,
    pub error: Recipient<WriteError>,
    pub finish: Recipient<Finish>,
    pub close: Recipient<Close>,
}

impl Drop for StreamAddress {
    fn drop(&mut self) {
        self.close.do_send(Close);
    }
}
