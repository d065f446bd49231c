//! The operator's door: a socket in the file system, which only the gateway's own user may open.
//! The commands of the program ask it what the running gateway knows and tell it what to forget. It
//! is beside the lock, so a program that has the configuration finds it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::ServerHandle;
use actix_web::web::{Data, Query, get, post};
use actix_web::{App, HttpResponse, HttpServer};
use ainfera_actors::health::reach::Unreachable;
use ainfera_actors::health::{Cleared, SetAside};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::parts::Parts;

/// The way to ask what is set aside.
pub const PROVIDERS: &str = "/providers";
/// The way to have it forgotten.
pub const CLEAR: &str = "/providers/clear";

/// Removed when it is dropped.
#[derive(Debug)]
pub struct Control {
    handle: ServerHandle,
    path: PathBuf,
}

type InForce = watch::Receiver<Arc<Parts>>;

impl Control {
    /// Opens the door. A gateway that cannot open it serves without: the reason is logged.
    pub fn open(path: PathBuf, in_force: InForce) -> Option<Self> {
        match listen(&path) {
            Ok(listener) => Self::serve(listener, path.clone(), in_force)
                .inspect_err(|error| tracing::warn!(path = %path.display(), %error, "operators' socket cannot be served"))
                .ok(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "operators' socket cannot be opened: `ainfera providers` will not work");
                None
            }
        }
    }

    fn serve(listener: UnixListener, path: PathBuf, in_force: InForce) -> std::io::Result<Self> {
        let in_force = Data::new(in_force);
        let app = move || {
            App::new()
                .app_data(in_force.clone())
                .route(PROVIDERS, get().to(providers))
                .route(CLEAR, post().to(clear))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen_uds(listener)?.run();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "its handle stops it when this is dropped")]
        drop(actix_web::rt::spawn(server));
        Ok(Self { handle, path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The server is told at once; its future need not be awaited.
        drop(self.handle.stop(false));
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What a process left that was killed is in the way; the lock says that none runs.
fn listen(path: &PathBuf) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// What is set aside, as JSON: an empty list where all providers are asked.
pub fn set_aside_json(parts: &Parts) -> Value {
    let entry = |aside: SetAside| {
        json!({"provider": aside.provider, "model": aside.model, "reason": aside.reason.as_str(),
            "since_seconds": aside.since_seconds, "retry_in_seconds": aside.retry_in_seconds})
    };
    parts.health.set_aside(Instant::now()).into_iter().map(entry).collect()
}

/// How much of a network's names and addresses an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    Operator,
    /// Every client that can reach the gateway.
    Anybody,
}

/// The providers that cannot be reached and why, as JSON.
pub fn unreachable_json(parts: &Parts, audience: Audience) -> Value {
    let entry = |unreachable: Unreachable| {
        let failure = &unreachable.failure;
        let detail = match audience {
            Audience::Operator => failure.to_string(),
            Audience::Anybody => failure.outward(),
        };
        json!({"provider": unreachable.provider, "cause": failure.cause(), "fault": failure.as_str(), "detail": detail,
            "since_seconds": unreachable.since_seconds, "tried_seconds_ago": unreachable.tried_seconds_ago})
    };
    parts.health.unreachable(Instant::now()).into_iter().map(entry).collect()
}

async fn providers(in_force: Data<InForce>) -> HttpResponse {
    let parts = Arc::clone(&in_force.borrow());
    let mut known: Vec<&str> = parts.providers.keys().map(|id| id.as_str()).collect();
    known.sort_unstable();
    let unreachable = unreachable_json(&parts, Audience::Operator);
    HttpResponse::Ok().json(json!({"providers": known, "set_aside": set_aside_json(&parts), "unreachable": unreachable}))
}

#[derive(Deserialize)]
struct ClearQuery {
    provider: String,
    model: Option<String>,
}

async fn clear(in_force: Data<InForce>, query: Query<ClearQuery>) -> HttpResponse {
    let parts = Arc::clone(&in_force.borrow());
    match parts.health.clear(&query.provider, query.model.as_deref()) {
        Cleared::Entries(count) => {
            tracing::info!(
                provider = query.provider,
                model = query.model,
                count,
                "an operator cleared what was known against a provider"
            );
            HttpResponse::Ok().json(json!({"cleared": count}))
        }
        Cleared::Unknown => {
            HttpResponse::Ok().json(json!({"error": "no such provider, or no such model at it"}))
        }
    }
}
