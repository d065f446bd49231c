//! The response body, and the hold that a client has on its call while it is there.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix::Addr;
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use crate::dispatch::{ClientGone, DispatchActor};

/// Held by the handler, then by the body. Dropped before the end, it tells the dispatcher that the
/// client has left.
#[derive(Debug)]
pub struct ClientHold {
    dispatch: Option<Addr<DispatchActor>>,
}

impl ClientHold {
    pub fn new(dispatch: Addr<DispatchActor>) -> Self {
        Self { dispatch: Some(dispatch) }
    }

    /// The client got everything: there is nothing left to cancel.
    pub fn release(mut self) {
        self.dispatch = None;
    }
}

impl Drop for ClientHold {
    fn drop(&mut self) {
        if let Some(dispatch) = self.dispatch.take() {
            dispatch.do_send(ClientGone);
        }
    }
}

/// Frames as they come. Never yields an error: that would throw away what is not flushed yet, even
/// the status line.
pub struct EventBody {
    frames: mpsc::Receiver<Bytes>,
    hold: Option<ClientHold>,
}

impl EventBody {
    pub fn new(frames: mpsc::Receiver<Bytes>, hold: ClientHold) -> Self {
        Self { frames, hold: Some(hold) }
    }

    /// The answer went another way, and it is complete.
    pub fn finished(mut self) {
        if let Some(hold) = self.hold.take() {
            hold.release();
        }
    }
}

impl Stream for EventBody {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let next = self.frames.poll_recv(context);
        if let Poll::Ready(None) = next
            && let Some(hold) = self.hold.take()
        {
            hold.release();
        }
        next
    }
}
