//! The bytes of a message that is still on its way. They count among those of request bodies, as
//! they arrive, so that messages that never end cannot fill the memory.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::{Stream, StreamExt};

use crate::config::Limits;
use crate::http::body::Share;
use crate::http::error::ApiError;

/// Room for the heads of frames beside what they carry.
const FRAMING_BYTES: usize = 64 << 10;

/// See the module.
#[derive(Clone)]
pub(super) struct Arriving(Rc<RefCell<State>>);

struct State {
    share: Share,
    bytes: usize,
    limits: Limits,
    /// Why no more is read.
    refused: Option<ApiError>,
}

impl Arriving {
    pub(super) fn new(share: Share, limits: Limits) -> Self {
        Self(Rc::new(RefCell::new(State { share, bytes: 0, limits, refused: None })))
    }

    /// The same bytes, each counted.
    pub(super) async fn counted(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Payload, ApiError> {
        let state = Rc::clone(&self.0);
        let counted = payload.map(move |chunk| {
            let chunk = chunk?;
            match state.borrow_mut().count(chunk.len()) {
                true => Ok(chunk),
                false => Err(PayloadError::Overflow),
            }
        });
        let counted: std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
            Box::pin(counted);
        Payload::from_request(request, &mut dev::Payload::from(counted))
            .await
            .map_err(|error| ApiError::BodyBroken(error.to_string()))
    }

    /// A message is whole: its share goes with it, and counting begins anew.
    pub(super) fn taken(&self) -> Share {
        let mut state = self.0.borrow_mut();
        state.bytes = 0;
        let next = state.share.another();
        std::mem::replace(&mut state.share, next)
    }

    /// Why the bytes ended, where it was not the client who ended them.
    pub(super) fn refusal(&self) -> Option<ApiError> {
        self.0.borrow_mut().refused.take()
    }

    pub(super) fn too_large(&self) -> ApiError {
        ApiError::BodyTooLarge { limit_bytes: self.0.borrow().limits.body_bytes }
    }
}

impl State {
    /// False when these are too many.
    fn count(&mut self, more: usize) -> bool {
        self.bytes += more;
        let counted = if self.bytes > self.limits.body_bytes + FRAMING_BYTES {
            Err(ApiError::BodyTooLarge { limit_bytes: self.limits.body_bytes })
        } else {
            self.share.grow_to(self.bytes, &self.limits)
        };
        self.refused = counted.err();
        self.refused.is_none()
    }
}
