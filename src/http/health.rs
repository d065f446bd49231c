//! Is it alive, is it ready, who is it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use ainfera_actors::gate::GateRefusal;
use ainfera_actors::reader::ask;
use ainfera_schema::RequestId;
use ainfera_schema::audit_break::Parting;
use ainfera_store::StoreError;
use serde_json::{Value, json};

use super::error::ApiError;
use super::state::Shared;
use crate::server::control::{Audience, set_aside_json, unreachable_json};

/// No I/O: it answers as long as the process can answer anything.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "ok"}))
}

/// Not ready while draining, nor without a store. Providers that are set aside or
/// cannot be reached are named, and do not make it unready: a restart would not mend them. The same for what the audit
/// lacks.
pub async fn ready(shared: Data<Shared>) -> HttpResponse {
    if shared.gate.is_leaving() {
        return ApiError::Gate(GateRefusal::Closed).response(RequestId::mint());
    }
    // a store that can be read and not written lets no call in
    if shared.counters.store_away.value() > 0 {
        let away = StoreError::Unavailable("it took no writes when it was last asked to".to_owned());
        return ApiError::Store(away).response(RequestId::mint());
    }
    match ask(&shared.reader, |store| Box::pin(async move { store.ping().await })).await {
        Ok(()) => {
            let parts = shared.parts();
            let mut ready = json!({"status": "ready"});
            let details = [("set_aside", set_aside_json(&parts)), ("unreachable", unreachable_json(&parts, Audience::Anybody))];
            for (name, entries) in details {
                if entries.as_array().is_some_and(|entries| !entries.is_empty()) {
                    ready[name] = entries;
                }
            }
            if let Some(parting) = shared.parted.borrow().as_deref() {
                ready["audit_parted"] = parted_json(parting);
            }
            HttpResponse::Ok().json(ready)
        }
        Err(error) => ApiError::Store(error).response(RequestId::mint()),
    }
}

/// Figures only: whoever may ask for `/readyz` may not know agents.
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
