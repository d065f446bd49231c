//! Is it alive, is it ready, who is it.

use std::collections::HashSet;
use std::time::Instant;

use actix_web::HttpResponse;
use actix_web::web::Data;
use ainfera_actors::reader::ask;
use ainfera_schema::RequestId;
use ainfera_schema::audit_break::Parting;
use ainfera_store::StoreError;
use serde_json::{Value, json};

use super::error::{ApiError, NotReady};
use super::state::Shared;
use crate::server::control::{Audience, set_aside_json, unreachable_json};
use crate::server::figures_age;
use crate::server::parts::Parts;

/// No I/O: it answers as long as the process can answer anything.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Ready means that a call would be let in. Providers that are set aside are named, and do not make
/// it unready: calls are what shows that they are well again, and a restart would not mend them.
/// The same for what the audit lacks.
pub async fn ready(shared: Data<Shared>) -> HttpResponse {
    match why_not(&shared).await {
        None => HttpResponse::Ok().json(standing(&shared)),
        Some(why) => ApiError::NotReady(why).response(RequestId::mint()),
    }
}

async fn why_not(shared: &Shared) -> Option<NotReady> {
    if shared.gate.is_leaving() {
        return Some(NotReady::Draining);
    }
    match ask(&shared.reader, |store| Box::pin(async move { store.ping().await })).await {
        Err(StoreError::NotWritable(_)) => return Some(NotReady::StoreTakesNoWrites),
        Err(_) => return Some(NotReady::StoreUnreachable),
        Ok(()) => {}
    }
    // A store that answers and cannot be written lets no call in: a full disk shows in nothing else
    let counters = &shared.counters;
    let unwritten = counters.store_away.value() + counters.heartbeat_unwritten.value();
    (unwritten > 0).then_some(NotReady::StoreTakesNoWrites)
}

/// What is worth knowing of a gateway that is ready.
fn standing(shared: &Shared) -> Value {
    let parts = shared.parts();
    let mut standing = json!({"status": "ready"});
    let unreachable = unreachable_json(&parts, Audience::Anybody);
    for (name, entries) in [("set_aside", set_aside_json(&parts)), ("unreachable", unreachable)] {
        if entries.as_array().is_some_and(|entries| !entries.is_empty()) {
            standing[name] = entries;
        }
    }
    let models = parts.catalogue.entries().iter().map(|entry| &entry.model);
    if let Some(old) = figures_age::old_figures(models, figures_age::today()) {
        standing["old_figures"] = json!({"models": old.models, "oldest": old.oldest});
    }
    if every_provider_is_set_aside(&parts) {
        standing["providers"] = json!("all_set_aside");
    }
    if shared.counters.spool_unwritable.value() > 0 {
        standing["spool"] = json!("unwritable");
    }
    if let Some(parting) = shared.parted.borrow().as_deref() {
        standing["audit_parted"] = parted_json(parting);
    }
    standing
}

fn every_provider_is_set_aside(parts: &Parts) -> bool {
    let aside = parts.health.set_aside(Instant::now());
    let whole = aside.iter().filter(|entry| entry.model.is_none());
    let whole: HashSet<&str> = whole.map(|entry| entry.provider.as_str()).collect();
    parts.providers.keys().all(|provider| whole.contains(provider.as_str()))
}

/// Figures only: a program that may ask for `/readyz` may not learn about agents.
fn parted_json(parting: &Parting) -> Value {
    json!({
        "parted_after": parting.parted_after,
        "since": parting.parted_at,
        "lost_checkpoint": parting.lost_number,
        "chains": parting.missing.len(),
        "missing_events": parting.missing_events,
        "listing": parting.listing,
        "found_by": parting.found_by,
    })
}

pub async fn service() -> HttpResponse {
    HttpResponse::Ok().json(json!({"service": "ainfera", "version": env!("CARGO_PKG_VERSION")}))
}
