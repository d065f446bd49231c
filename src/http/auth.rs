//! Who calls: a key, looked up by its id, compared by the hash of its secret, remembered for a few seconds.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use ainfera_actors::reader::{ReaderActor, ask};
use ainfera_schema::Agent;

use super::error::ApiError;
use crate::keys;

/// A revoked key is refused, and a new one accepted, after at most this long.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Guessing keys must not fill the memory.
const MAX_REMEMBERED: usize = 10_000;

/// Keys that were looked up lately, known and unknown ones.
#[derive(Default)]
pub struct KeyRing {
    keys: RwLock<HashMap<String, Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    until: Instant,
    known: Option<Known>,
}

#[derive(Clone)]
struct Known {
    secret_sha256: [u8; 32],
    agent: Arc<Agent>,
}

impl KeyRing {
    /// The agent whose key the request carries, in `x-api-key` (which goes first) or as a bearer token.
    pub async fn authenticate(&self, request: &HttpRequest, reader: &Addr<ReaderActor>) -> Result<Arc<Agent>, ApiError> {
        let presented = presented(request).ok_or(ApiError::Unauthorized("no key: send x-api-key or authorization: Bearer"))?;
        let key = keys::parse(presented).ok_or(ApiError::Unauthorized("invalid key"))?;
        let known = match self.remembered(key.key_id) {
            Some(remembered) => remembered,
            None => self.look_up(key.key_id, reader).await?,
        };
        match known {
            Some(known) if key.matches(&known.secret_sha256) => Ok(known.agent),
            _ => Err(ApiError::Unauthorized("invalid key")),
        }
    }

    fn remembered(&self, key_id: &str) -> Option<Option<Known>> {
        let keys = self.keys.read().ok()?;
        keys.get(key_id).filter(|remembered| remembered.until > Instant::now()).map(|remembered| remembered.known.clone())
    }

    async fn look_up(&self, key_id: &str, reader: &Addr<ReaderActor>) -> Result<Option<Known>, ApiError> {
        let wanted = key_id.to_owned();
        let stored = ask(reader, move |store| Box::pin(async move { store.find_key(&wanted).await })).await?;
        let known = stored.map(|stored| Known { secret_sha256: stored.secret_sha256, agent: Arc::new(stored.agent) });
        if let Ok(mut keys) = self.keys.write() {
            if keys.len() >= MAX_REMEMBERED {
                let now = Instant::now();
                keys.retain(|_, remembered| remembered.until > now);
            }
            if keys.len() < MAX_REMEMBERED {
                keys.insert(key_id.to_owned(), Remembered { until: Instant::now() + REMEMBERED, known: known.clone() });
            }
        }
        Ok(known)
    }
}

fn presented(request: &HttpRequest) -> Option<&str> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let value = header(AUTHORIZATION.as_str())?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    };
    header("x-api-key").map(str::trim).filter(|key| !key.is_empty()).or_else(bearer)
}
