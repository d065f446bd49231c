//! `POST /v1/messages/count_tokens`: how many tokens a call would be. It is no call: it leaves no
//! row, costs nothing and is not held up by others.
//!
//! A provider that counts is asked, briefly; for all others, and when that one does not answer, the
//! estimate stands.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::admission::CallSetup;
use ainfera_actors::dispatch::foresight::would_be_asked;
use ainfera_actors::worker::Worker;
use ainfera_routing::{CatalogueEntry, RouteTarget, estimate_tokens};
use ainfera_schema::{InferenceId, Provider, ReceiptId, RequestId};
use ainfera_wire::Call;
use ainfera_wire::disclosure::coercion::{Coercions, Strictness};
use ainfera_wire::model_table::ModelAbilities;
use ainfera_wire::provider::anthropic::count_tokens::request_body;
use ainfera_wire::provider::anthropic::limits::native::within_limits;
use ainfera_wire::provider::{Dialect, address};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::calls::{client_headers, session};
use super::error::ApiError;
use super::state::Shared;
use crate::server::serving::ServingSlot;

/// An agent counts before it speaks: it must not wait.
const PROVIDER_COUNTS_WITHIN: Duration = Duration::from_millis(1_200);
/// All that are asked.
const PROVIDERS_COUNT_WITHIN: Duration = Duration::from_secs(2);
const MAX_COUNT_BYTES: usize = 16 << 10;

pub async fn count_tokens(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    let request_id = RequestId::mint();
    match count(request_id, &request, payload, &shared, &slot).await {
        Ok(counted) => HttpResponse::Ok()
            .insert_header(("request-id", request_id.header_value()))
            .json(counted),
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
    let (parts, worker) = (&serving.parts, &serving.worker);
    let body = shared
        .bodies
        .read(request, payload, agent.agent_id, &parts.limits, parts.deadlines.body)
        .await?;
    let call = Call::from_uncounted(&body.bytes, client_headers(request)?, &estimate_tokens)
        .map_err(ApiError::BadRequest)?;
    let call = Arc::new(call);
    let setup = CallSetup {
        request_id,
        inference_id: InferenceId::mint(),
        receipt_id: ReceiptId::mint(),
        call: Arc::clone(&call),
        agent: Arc::clone(&agent),
        target: RouteTarget::parse(&call.model),
        session: session(request),
        strictness: parts.strict.of(agent.agent_id, Strictness::Disclose),
        idempotency: None,
        worker: Rc::clone(worker),
    };
    let asked = would_be_asked(&setup).await;
    let Some(first) = asked.first() else {
        return Ok(json!({"input_tokens": call.counted_for(&Dialect::Anthropic, "")}));
    };
    if let Ok(Some(counted)) =
        timeout(PROVIDERS_COUNT_WITHIN, first_count(&call, &body.bytes, &asked, worker)).await
    {
        return Ok(counted);
    }
    let dialect = Dialect::for_call(first.kind, &call, &first.model);
    Ok(json!({"input_tokens": call.counted_for(&dialect, &first.model.upstream_name)}))
}

/// The count of the first that counts: as a call would, it goes on to the next where one refuses or
/// cannot be reached. For a provider that cannot count, and for all after it, the estimate is the
/// answer.
async fn first_count(
    call: &Call,
    body: &[u8],
    asked: &[CatalogueEntry],
    worker: &Worker,
) -> Option<Value> {
    for entry in asked {
        if Dialect::for_call(entry.kind, call, &entry.model) != Dialect::Anthropic {
            return None;
        }
        let Some(provider) = worker.providers.get(&entry.model.provider) else { continue };
        if let Ok(Some(counted)) =
            timeout(PROVIDER_COUNTS_WITHIN, ask(call, body, provider, entry, worker)).await
        {
            return Some(counted);
        }
    }
    None
}

/// The provider's own count, whole: it may say more than one figure.
async fn ask(
    call: &Call,
    body: &[u8],
    provider: &Provider,
    entry: &CatalogueEntry,
    worker: &Worker,
) -> Option<Value> {
    let abilities = ModelAbilities::of(provider.kind, &entry.model);
    let within_limits = within_limits(body, &abilities, &mut Coercions::default());
    let body =
        request_body(within_limits.as_deref().unwrap_or(body), &entry.model.upstream_name).ok()?;
    let url = address::count_tokens(provider);
    let pool = worker.pools.of(provider).ok()?;
    let mut request = pool.post(&url).insert_header(("content-type", "application/json"));
    request = request.insert_header((
        "anthropic-version",
        call.client_headers.version.as_deref().unwrap_or("2023-06-01"),
    ));
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
    serde_json::from_slice::<Value>(&counted)
        .ok()
        .filter(|counted| counted["input_tokens"].is_u64())
}
