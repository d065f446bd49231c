//! The request body: limited in size, time and pace, and in memory: for all bodies together, and
//! for those of one agent, so that one cannot take what all others need. What is counted is what
//! has arrived, never what was announced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Payload;
use ainfera_schema::AgentId;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::error::ApiError;
use crate::config::Limits;

/// Memory is counted in pieces of this size, so that a small body is counted once.
const PIECE_BYTES: usize = 16 << 10;
/// The most that is reserved for a body before it arrives.
const EXPECTED_BYTES: usize = 256 << 10;
/// A body must keep its pace within each stretch of this length.
const PACE_OVER: Duration = Duration::from_secs(10);

/// The memory that bodies take now.
#[derive(Debug, Default, Clone)]
pub struct BodyBudget(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all_bytes: usize,
    by_agent: HashMap<AgentId, usize>,
}

/// A body, and its share of the budget.
pub struct Body {
    pub bytes: Bytes,
    _share: Share,
}

/// What one body takes; given back when dropped.
#[derive(Debug)]
pub struct Share {
    budget: BodyBudget,
    agent_id: AgentId,
    bytes: usize,
}

impl BodyBudget {
    /// Reads the whole body of this agent, or refuses before it is read where its length says so.
    pub async fn read(
        &self,
        request: &HttpRequest,
        payload: Payload,
        agent_id: AgentId,
        limits: &Limits,
        deadline: Duration,
    ) -> Result<Body, ApiError> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(encoding) =
            header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        {
            return Err(ApiError::UnsupportedEncoding(encoding.to_owned()));
        }
        let announced_bytes: usize =
            header(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0);
        if announced_bytes > limits.body_bytes {
            return Err(ApiError::BodyTooLarge { limit_bytes: limits.body_bytes });
        }
        let share = self.share(agent_id);
        share.collect(payload, announced_bytes, limits, Instant::now() + deadline).await
    }

    /// A share for bytes that do not come as a body; it grows as they arrive.
    pub fn share(&self, agent_id: AgentId) -> Share {
        Share { budget: self.clone(), agent_id, bytes: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// An empty one of the same agent.
    pub fn another(&self) -> Self {
        self.budget.share(self.agent_id)
    }

    async fn collect(
        mut self,
        mut payload: Payload,
        announced_bytes: usize,
        limits: &Limits,
        deadline: Instant,
    ) -> Result<Body, ApiError> {
        let mut bytes = BytesMut::with_capacity(announced_bytes.min(EXPECTED_BYTES));
        let mut stretch = Stretch::new(limits.body_bytes_per_second);
        loop {
            let chunk = match timeout_at(deadline.min(stretch.ends), payload.next()).await {
                Ok(None) => return Ok(Body { bytes: bytes.freeze(), _share: self }),
                Ok(Some(chunk)) => {
                    chunk.map_err(|error| ApiError::BodyBroken(error.to_string()))?
                }
                Err(_) if Instant::now() >= deadline => return Err(ApiError::BodyTimedOut),
                Err(_) => {
                    stretch.next()?;
                    continue;
                }
            };
            let length = bytes.len() + chunk.len();
            if length > limits.body_bytes {
                return Err(ApiError::BodyTooLarge { limit_bytes: limits.body_bytes });
            }
            stretch.bytes += chunk.len();
            self.grow_to(length, limits)?;
            bytes.extend_from_slice(&chunk);
        }
    }

    /// Counts this many bytes altogether, or says why they may not be.
    pub fn grow_to(&mut self, bytes: usize, limits: &Limits) -> Result<(), ApiError> {
        let wanted = whole_pieces(bytes);
        let more = wanted.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut taken = self.budget.lock();
        let own = taken.by_agent.get(&self.agent_id).copied().unwrap_or(0);
        if own + more > whole_pieces(limits.bodies_per_key_bytes) {
            return Err(ApiError::BodyShare);
        }
        if taken.all_bytes + more > whole_pieces(limits.all_bodies_bytes) {
            return Err(ApiError::BodyBudget);
        }
        taken.all_bytes += more;
        taken.by_agent.insert(self.agent_id, own + more);
        self.bytes = wanted;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.budget.lock();
        taken.all_bytes = taken.all_bytes.saturating_sub(self.bytes);
        let own =
            taken.by_agent.get(&self.agent_id).copied().unwrap_or(0).saturating_sub(self.bytes);
        if own == 0 {
            taken.by_agent.remove(&self.agent_id);
        } else {
            taken.by_agent.insert(self.agent_id, own);
        }
    }
}

fn whole_pieces(bytes: usize) -> usize {
    bytes.div_ceil(PIECE_BYTES) * PIECE_BYTES
}

/// The bytes of the current stretch of time.
struct Stretch {
    ends: Instant,
    bytes: usize,
    least_bytes: usize,
}

impl Stretch {
    fn new(bytes_per_second: usize) -> Self {
        let seconds = usize::try_from(PACE_OVER.as_secs()).unwrap_or(1);
        Self {
            ends: Instant::now() + PACE_OVER,
            bytes: 0,
            least_bytes: bytes_per_second.saturating_mul(seconds),
        }
    }

    /// The stretch is over: the next one begins, if enough came in this one.
    fn next(&mut self) -> Result<(), ApiError> {
        if self.bytes < self.least_bytes {
            return Err(ApiError::BodyTooSlow);
        }
        (self.ends, self.bytes) = (self.ends + PACE_OVER, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        body_bytes: 1 << 20,
        all_bodies_bytes: 8 * PIECE_BYTES,
        bodies_per_key_bytes: 4 * PIECE_BYTES,
        body_bytes_per_second: 1024,
        reads_per_key: 4,
    };

    fn share(budget: &BodyBudget, agent_id: AgentId, bytes: usize) -> Result<Share, ApiError> {
        let mut share = Share { budget: budget.clone(), agent_id, bytes: 0 };
        share.grow_to(bytes, &LIMITS).map(|()| share)
    }

    #[test]
    fn one_agent_cannot_take_what_the_others_need() {
        let budget = BodyBudget::default();
        let [greedy, other, late] = [AgentId::mint(), AgentId::mint(), AgentId::mint()];
        let held: Vec<Share> = (0..4).map(|_| share(&budget, greedy, 1).unwrap()).collect();
        assert!(
            matches!(share(&budget, greedy, 1), Err(ApiError::BodyShare)),
            "its own share is used up"
        );
        let others = share(&budget, other, 4 * PIECE_BYTES).unwrap();
        assert!(
            matches!(share(&budget, late, 1), Err(ApiError::BodyBudget)),
            "all of it is used up"
        );
        drop((held, others));
        assert!(budget.lock().by_agent.is_empty());
        assert_eq!(budget.lock().all_bytes, 0);
    }

    #[test]
    fn a_body_is_counted_as_it_grows() {
        let budget = BodyBudget::default();
        let mut growing = share(&budget, AgentId::mint(), 100).unwrap();
        assert_eq!(budget.lock().all_bytes, PIECE_BYTES);
        growing.grow_to(PIECE_BYTES, &LIMITS).unwrap();
        assert_eq!(budget.lock().all_bytes, PIECE_BYTES);
        growing.grow_to(PIECE_BYTES + 1, &LIMITS).unwrap();
        assert_eq!(budget.lock().all_bytes, 2 * PIECE_BYTES);
        assert!(growing.grow_to(5 * PIECE_BYTES, &LIMITS).is_err());
        drop(growing);
        assert_eq!(budget.lock().all_bytes, 0);
    }

    #[test]
    fn a_stretch_without_enough_bytes_ends_the_body() {
        let mut stretch = Stretch::new(10);
        let first_end = stretch.ends;
        stretch.bytes = 100;
        stretch.next().unwrap();
        assert_eq!((stretch.ends, stretch.bytes), (first_end + PACE_OVER, 0));
        stretch.bytes = 99;
        assert!(matches!(stretch.next(), Err(ApiError::BodyTooSlow)));
    }
}
