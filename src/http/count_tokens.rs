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
use ainfera_wire::client::{Call, ClientHeaders};
use ainfera_wire::disclosure::Strictness;
use ainfera_wire::error::BadRequest;
use serde_json::{Value, json};

use super::call_headers::{client_headers, session};
use super::error::ApiError;
use super::state::Shared;
use crate::server::serving::ServingSlot;

/// `POST /v1/messages/count_tokens`
pub async fn answer(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    let request_id = RequestId::mint();
    let parse = |body: &[u8], headers| Call::from_uncounted(body, headers, &estimate_tokens);
    let counted = count(request_id, &parse, &request, payload, &shared, &slot).await;
    match counted.map(of_messages) {
        Ok(counted) => HttpResponse::Ok()
            .insert_header(("request-id", request_id.header_value()))
            .json(counted),
        Err(error) => error.response_to(&request, request_id),
    }
}

fn of_messages(count: TokenCount) -> Value {
    match count {
        TokenCount::Provider(counted) => counted,
        TokenCount::Estimate(input_tokens) => json!({"input_tokens": input_tokens}),
    }
}

/// Parses a body whose tokens are counted.
type ParseUncounted<'p> = &'p dyn Fn(&[u8], ClientHeaders) -> Result<Call, BadRequest>;

/// The count of the call that a body says.
pub(super) async fn count(
    request_id: RequestId,
    parse: ParseUncounted<'_>,
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> Result<TokenCount, ApiError> {
    let agent = shared.keys.authenticate(request, &shared.reader).await?;
    let serving = slot.current();
    let (parts, worker) = (&serving.parts, &serving.worker);
    let body = shared
        .bodies
        .read(request, payload, agent.agent_id, &parts.limits, parts.deadlines.body)
        .await?;
    let call = parse(&body.bytes, client_headers(request)?).map_err(ApiError::BadRequest)?;
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
    Ok(count_tokens(&setup).await)
}
