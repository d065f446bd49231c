//! `GET /v1/responses` with an upgrade: one connection, many calls. Each `response.create` of the
//! client is a call like one over HTTP, with the same actors, limits and rows; its events go out as
//! messages. The calls of a connection come one after the other.

mod arriving;
mod connection;
mod error_event;
mod link;
mod turn;

use actix_web::http::header::{HeaderMap, UPGRADE};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_schema::RequestId;
use ainfera_wire::error::BadRequest;

use self::arriving::Arriving;
use self::connection::Connection;
use self::link::Link;
use super::call_headers::{client_headers, strictness};
use super::error::ApiError;
use super::state::Shared;
use crate::server::serving::ServingSlot;

/// `GET /v1/responses`
pub async fn connect(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    match open(&request, payload, shared, slot).await {
        Ok(response) => response,
        Err(error) => error.response_to(&request, RequestId::mint()),
    }
}

async fn open(
    request: &HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> Result<HttpResponse, ApiError> {
    if !asks_for_websocket(request.headers()) {
        return Err(ApiError::MethodNotAllowed {
            method: request.method().to_string(),
            path: request.path().to_owned(),
        });
    }
    if shared.gate.is_closed() {
        return Err(ainfera_actors::gate::GateRefusal::Closed.into());
    }
    let agent = shared.keys.authenticate(request, &shared.reader).await?;
    // what is wrong for every call of the connection is refused before the first
    strictness(request)?;
    client_headers(request)?;
    if request.headers().contains_key("idempotency-key") {
        return Err(ApiError::BadRequest(BadRequest::new(
            "idempotency-key",
            "is one call's; over a WebSocket send `idempotency_key` in each response.create",
        )));
    }
    let limits = slot.current().parts.limits.clone();
    let body_bytes = limits.body_bytes;
    let arriving = Arriving::new(shared.bodies.share(agent.agent_id), limits);
    let payload = arriving.counted(request, payload).await?;
    let (response, session, messages) = actix_ws::handle(request, payload).map_err(|error| {
        ApiError::BadRequest(BadRequest::new("sec-websocket-key", error.to_string()))
    })?;
    let messages = messages
        .max_frame_size(body_bytes)
        .aggregate_continuations()
        .max_continuation_size(body_bytes);
    let link = Link::new(request.clone(), session, shared, slot, agent.agent_id);
    let connection = Connection::new(link, arriving);
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with its connection: the body of the response is its other end"
    )]
    drop(actix_web::rt::spawn(connection.serve(messages)));
    Ok(response)
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let asked = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    asked.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}
