//! Who calls: a key, looked up by its id, compared by the hash of its secret, remembered for a few
//! seconds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Query;
use ainfera_actors::reader::{ReaderActor, ask};
use ainfera_schema::Agent;
use ainfera_wire::client::ClientDialect;
use tokio::sync::Semaphore;

use super::error::ApiError;
use crate::keys;

/// A revoked key is refused, and a new one accepted, after at most this long.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Guessing keys must not fill the memory.
const MAX_REMEMBERED: usize = 10_000;

/// How long a key is still good that could not be looked up again: the store may be away for a
/// moment.
const GOOD_WITHOUT_STORE: Duration = Duration::from_secs(30);
/// Fewer than the store reads at once, so that many new callers do not use up all its reads.
const LOOK_UPS_AT_ONCE: usize = 4;

/// Keys that were looked up lately, known and unknown ones.
pub struct KeyRing {
    keys: RwLock<HashMap<String, Remembered>>,
    look_ups: Semaphore,
}

#[derive(Clone)]
struct Remembered {
    /// From then on it is looked up again, by one of those who need it; the others take it as it
    /// is.
    fresh_until: Instant,
    good_until: Instant,
    known: Option<Known>,
}

#[derive(Clone)]
struct Known {
    secret_sha256: [u8; 32],
    agent: Arc<Agent>,
}

impl Default for KeyRing {
    fn default() -> Self {
        Self { keys: RwLock::default(), look_ups: Semaphore::new(LOOK_UPS_AT_ONCE) }
    }
}

impl KeyRing {
    /// The agent whose key the request carries, in `x-api-key` (which goes first), in
    /// `x-goog-api-key`, as a bearer token, or in the address of a call of Google's.
    pub async fn authenticate(
        &self,
        request: &HttpRequest,
        reader: &Addr<ReaderActor>,
    ) -> Result<Arc<Agent>, ApiError> {
        let presented = presented(request)
            .ok_or(ApiError::Unauthorized("no key: send x-api-key or authorization: Bearer"))?;
        let key = keys::parse(&presented).ok_or(ApiError::Unauthorized("invalid key"))?;
        match self.find(key.key_id, reader).await? {
            Some(known) if key.matches(&known.secret_sha256) => Ok(known.agent),
            _ => Err(ApiError::Unauthorized("invalid key")),
        }
    }

    async fn find(
        &self,
        key_id: &str,
        reader: &Addr<ReaderActor>,
    ) -> Result<Option<Known>, ApiError> {
        let Some(remembered) = self.remembered(key_id) else {
            let _turn = self.look_ups.acquire().await;
            // The request that held the turn before may have looked up this key already.
            return match self.remembered(key_id) {
                Some(remembered) => Ok(remembered.known),
                None => self.look_up(key_id, reader).await,
            };
        };
        if remembered.fresh_until > Instant::now() || !self.claim_refresh(key_id) {
            return Ok(remembered.known);
        }
        match self.look_up(key_id, reader).await {
            Ok(known) => Ok(known),
            Err(error) => {
                tracing::warn!(%error, "key could not be looked up again");
                Ok(remembered.known)
            }
        }
    }

    fn remembered(&self, key_id: &str) -> Option<Remembered> {
        let keys = self.keys.read().ok()?;
        keys.get(key_id).filter(|remembered| remembered.good_until > Instant::now()).cloned()
    }

    /// True for the one that is to look the key up again; for the others it counts as fresh in the
    /// meantime.
    fn claim_refresh(&self, key_id: &str) -> bool {
        let Ok(mut keys) = self.keys.write() else { return false };
        let now = Instant::now();
        match keys.get_mut(key_id) {
            Some(remembered) if remembered.fresh_until <= now => {
                remembered.fresh_until = now + Duration::from_secs(1);
                true
            }
            _ => false,
        }
    }

    async fn look_up(
        &self,
        key_id: &str,
        reader: &Addr<ReaderActor>,
    ) -> Result<Option<Known>, ApiError> {
        let wanted = key_id.to_owned();
        let stored =
            ask(reader, move |store| Box::pin(async move { store.find_key(&wanted).await }))
                .await?;
        let known = stored.map(|stored| Known {
            secret_sha256: stored.secret_sha256,
            agent: Arc::new(stored.agent),
        });
        if let Ok(mut keys) = self.keys.write() {
            let now = Instant::now();
            if keys.len() >= MAX_REMEMBERED {
                keys.retain(|_, remembered| remembered.fresh_until > now);
            }
            if keys.len() < MAX_REMEMBERED {
                // That a key is unknown is remembered no longer than it takes to make it.
                let good_for = if known.is_some() { GOOD_WITHOUT_STORE } else { REMEMBERED };
                let remembered = Remembered {
                    fresh_until: now + REMEMBERED,
                    good_until: now + good_for,
                    known: known.clone(),
                };
                keys.insert(key_id.to_owned(), remembered);
            }
        }
        Ok(known)
    }
}

fn presented(request: &HttpRequest) -> Option<Cow<'_, str>> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let value = header(AUTHORIZATION.as_str())?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    };
    let named = |name: &str| header(name).map(str::trim).filter(|key| !key.is_empty());
    let key = named("x-api-key").or_else(|| named("x-goog-api-key")).or_else(bearer);
    key.map(Cow::Borrowed).or_else(|| in_query(request).map(Cow::Owned))
}

/// Google's clients may put their key into the address. It is in no log: those have paths only.
fn in_query(request: &HttpRequest) -> Option<String> {
    if ClientDialect::of_path(request.path()) != ClientDialect::Gemini {
        return None;
    }
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
    query.into_inner().into_iter().find_map(|(name, key)| (name == "key").then_some(key))
}
