//! `POST /v1/messages/count_tokens`: how many tokens a call would be. It is no call: it leaves no row, costs nothing and is not held up by others.
//!
//! A provider that counts is asked, briefly; for all others, and when that one does not answer, the estimate stands.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::brain::Decide;
use ainfera_actors::worker::Worker;
use ainfera_routing::{CatalogueEntry, Needs, RouteTarget, estimate_tokens};
use ainfera_schema::{Agent, Provider, RequestId};
use ainfera_wire::Call;
use ainfera_wire::anthropic::count::request_body;
use ainfera_wire::upstream::{Dialect, address};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::calls::client_headers;
use super::error::ApiError;
use super::state::Shared;
use crate::server::serving::ServingSlot;

/// An agent counts before it speaks: it must not wait.
const PROVIDER_COUNTS_WITHIN: Duration = Duration::from_secs(2);
const MAX_COUNT_BYTES: usize = 16 << 10;

pub async fn count_tokens(request: HttpRequest, payload: Payload, shared: Data<Shared>, slot: Data<ServingSlot>) -> HttpResponse {
    let request_id = RequestId::mint();
    match count(request_id, &request, payload, &shared, &slot).await {
        Ok(counted) => HttpResponse::Ok().insert_header(("request-id", request_id.header_value())).json(counted),
        Err(error) => error.response_to(&request, request_id),
    }
}

async fn count(
    request_id: RequestId,
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> Result<Value, ApiError> {
    let agent = shared.keys.authenticate(request, &shared.reader).await?;
    let serving = slot.current();
    let (parts, worker) = (&serving.parts, &*serving.worker);
    let body = shared.bodies.read(request, payload, agent.agent_id, &parts.limits, parts.deadlines.body).await?;
    let call = Call::from_uncounted(&body.bytes, client_headers(request)?, &estimate_tokens).map_err(ApiError::BadRequest)?;
    let call = Arc::new(call);
    let Some(entry) = candidate(request_id, &call, &agent, worker).await else {
        return Ok(json!({"input_tokens": call.counted_for(&Dialect::Anthropic, "")}));
    };
    let dialect = Dialect::for_call(entry.kind, &call, &entry.model);
    if let (Dialect::Anthropic, Some(provider)) = (dialect, worker.providers.get(&entry.model.provider))
        && let Some(counted) = timeout(PROVIDER_COUNTS_WITHIN, ask(&call, &body.bytes, provider, &entry, worker)).await.ok().flatten()
    {
        return Ok(counted);
    }
    Ok(json!({"input_tokens": call.counted_for(&dialect, &entry.model.upstream_name)}))
}

/// Who would be asked first.
async fn candidate(request_id: RequestId, call: &Arc<Call>, agent: &Agent, worker: &Worker) -> Option<CatalogueEntry> {
    let target = RouteTarget::parse(&call.model);
    let needs = Needs {
        tools: call.has_tools,
        anthropic_only: call.anthropic_only,
        estimated_input_tokens: call.estimated_input_tokens,
        max_tokens: call.max_tokens,
    };
    let question = Decide {
        request_id,
        target,
        needs,
        hint: call.extras.hint.clone(),
        routing_defaults: agent.spend_policy.routing_defaults.clone(),
        unfit: Vec::new(),
        call: Arc::clone(call),
    };
    let choice = worker.brain.send(question).await.ok()?.ok()?;
    let first = choice.candidates.first()?;
    choice.catalogue.get(*first).cloned()
}

/// The provider's own count, whole: it may say more than one figure.
async fn ask(call: &Call, body: &[u8], provider: &Provider, entry: &CatalogueEntry, worker: &Worker) -> Option<Value> {
    let body = request_body(body, &entry.model.upstream_name).ok()?;
    let url = address::count_tokens(provider);
    let pool = worker.pools.of(provider).ok()?;
    let mut request = pool.post(&url).insert_header(("content-type", "application/json"));
    request = request.insert_header(("anthropic-version", call.client_headers.version.as_deref().unwrap_or("2023-06-01")));
    if let Some(beta) = &call.client_headers.beta {
        request = request.insert_header(("anthropic-beta", beta.as_str()));
    }
    for (name, value) in &call.client_headers.others {
        request = request.append_header((name.as_str(), value.as_str()));
    }
    if let Some(key) = &provider.api_key {
        request = request.insert_header(("x-api-key", key.expose()));
    }
    for header in &provider.network.headers {
        request = request.insert_header((header.name.as_str(), header.value.expose()));
    }
    let mut response = request.send_body(body).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let counted = response.body().limit(MAX_COUNT_BYTES).await.ok()?;
    serde_json::from_slice::<Value>(&counted).ok().filter(|counted| counted["input_tokens"].is_u64())
}
