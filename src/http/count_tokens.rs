//! `POST /v1/messages/count_tokens`: how many tokens a call would be. It is no call: it leaves no
//! row, costs nothing and is not held up by others.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::admission::CallSetup;
use ainfera_actors::dispatch::count_tokens::{TokenCount, count_tokens};
use ainfera_routing::{RouteTarget, estimate_tokens};
use ainfera_schema::{InferenceId, ReceiptId, RequestId};
use ainfera_wire::client::Call;
use ainfera_wire::disclosure::Strictness;
use serde_json::{Value, json};

use super::calls::{client_headers, session};
use super::error::ApiError;
use super::state::Shared;
use crate::server::serving::ServingSlot;

pub async fn answer(
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
    Ok(match count_tokens(&setup).await {
        TokenCount::Provider(counted) => counted,
        TokenCount::Estimate(input_tokens) => json!({"input_tokens": input_tokens}),
    })
}
