//! The request body: limited in size and time, and all bodies together limited in memory.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::ApiError;

/// The budget is counted in pieces of this size: a semaphore counts to 2^32 only.
const BUDGET_PIECE_BYTES: usize = 4096;

/// Memory for all request bodies at once.
pub struct BodyBudget {
    pieces: Arc<Semaphore>,
    limit_bytes: usize,
}

/// A body, and its share of the budget.
pub struct Body {
    pub bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl BodyBudget {
    pub fn new(limit_bytes: usize, all_bytes: usize) -> Self {
        Self { pieces: Arc::new(Semaphore::new(all_bytes.div_ceil(BUDGET_PIECE_BYTES))), limit_bytes }
    }

    /// Reads the whole body, or refuses before it is read where its length says so.
    pub async fn read(&self, request: &HttpRequest, payload: Payload, deadline: Duration) -> Result<Body, ApiError> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(encoding) = header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
            return Err(ApiError::UnsupportedEncoding(encoding.to_owned()));
        }
        let announced_bytes: usize = header(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0);
        if announced_bytes > self.limit_bytes {
            return Err(ApiError::BodyTooLarge { limit_bytes: self.limit_bytes });
        }
        let share = self.share(announced_bytes)?;
        timeout(deadline, self.collect(payload, announced_bytes, share)).await.map_err(|_| ApiError::BodyTimedOut)?
    }

    async fn collect(&self, mut payload: Payload, announced_bytes: usize, mut share: OwnedSemaphorePermit) -> Result<Body, ApiError> {
        let mut bytes = BytesMut::with_capacity(announced_bytes);
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| ApiError::BodyBroken(error.to_string()))?;
            let length = bytes.len() + chunk.len();
            if length > self.limit_bytes {
                return Err(ApiError::BodyTooLarge { limit_bytes: self.limit_bytes });
            }
            // a body without a length is charged as it grows
            let paid_bytes = share.num_permits() * BUDGET_PIECE_BYTES;
            if length > paid_bytes {
                share.merge(self.share(length - paid_bytes)?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes: bytes.freeze(), _share: share })
    }

    fn share(&self, bytes: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        let pieces = u32::try_from(bytes.div_ceil(BUDGET_PIECE_BYTES)).unwrap_or(u32::MAX);
        Arc::clone(&self.pieces).try_acquire_many_owned(pieces).map_err(|_| ApiError::BodyBudget)
    }
}
