//! The inference endpoints: authenticate, take a permit, parse, hand over to a DispatchActor, await
//! the head.
//!
//! No code that must run stands after an await here. If the client leaves, this future is dropped,
//! and the values in it do the rest when they are dropped: the permit, the client's hold on the
//! dispatcher.

use std::rc::Rc;
use std::sync::Arc;

use actix::Actor;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_actors::dispatch::admission::CallSetup;
use ainfera_actors::dispatch::{
    CallFailure, DispatchActor, FailedHead, SinkAddress, StreamAddress,
};
use ainfera_actors::gate::Priority;
use ainfera_actors::sink::body::{ClientHold, EventBody};
use ainfera_actors::sink::collect::CollectSink;
use ainfera_actors::sink::recorder::{ANSWER_LIMIT_BYTES, Recorder};
use ainfera_actors::sink::{BODY_CHANNEL_FRAMES, SseSink};
use ainfera_routing::{RouteTarget, estimate_tokens};
use ainfera_schema::policy::PriorityCeiling;
use ainfera_schema::{Agent, AgentId, InferenceId, ReceiptId, RequestId};
use ainfera_wire::client::{
    AnswerNames, Call, ClientDialect, ClientFrames, ClientHeaders, Delivery, WholeAnswer,
};
use ainfera_wire::disclosure::Strictness;
use ainfera_wire::error::BadRequest;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::error::ApiError;
use super::state::Shared;
use super::{answer, idempotency, inference};
use crate::config::AnswerRetention;
use crate::server::serving::{Serving, ServingSlot};

/// A longer session id is not logged, so that callers cannot fill the log.
const MAX_SESSION_BYTES: usize = 128;

/// A body in one of the client dialects, parsed and checked.
type Parse<'p> = &'p dyn Fn(Bytes, ClientHeaders, &dyn Fn(&str) -> u64) -> Result<Call, BadRequest>;

/// `POST /v1/messages`
pub async fn messages(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    answer_call(&Call::from_messages, request, payload, &shared, &slot).await
}

/// `POST /v1/chat/completions`
pub async fn chat_completions(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    answer_call(&Call::from_chat, request, payload, &shared, &slot).await
}

/// `POST /v1/responses`
pub async fn responses(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    answer_call(&Call::from_responses, request, payload, &shared, &slot).await
}

/// `POST /v1/inference`
pub async fn inference(
    request: HttpRequest,
    payload: Payload,
    shared: Data<Shared>,
    slot: Data<ServingSlot>,
) -> HttpResponse {
    answer_call(&Call::from_inference, request, payload, &shared, &slot).await
}

pub(super) async fn answer_call(
    parse: Parse<'_>,
    request: HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> HttpResponse {
    let request_id = RequestId::mint();
    match dispatch(request_id, parse, &request, payload, shared, slot).await {
        Ok(response) => response,
        Err(error) => error.response_to(&request, request_id),
    }
}

async fn dispatch(
    request_id: RequestId,
    parse: Parse<'_>,
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> Result<HttpResponse, ApiError> {
    if shared.gate.is_closed() {
        return Err(ainfera_actors::gate::GateRefusal::Closed.into());
    }
    let agent = shared.keys.authenticate(request, &shared.reader).await?;
    // The configuration is taken once: a reload while this call runs is for later calls.
    let serving = slot.current();
    let (parts, worker) = (&serving.parts, &serving.worker);
    let body = shared
        .bodies
        .read(request, payload, agent.agent_id, &parts.limits, parts.deadlines.body)
        .await?;
    let permit = shared.gate.enter_as(priority(request, agent.spend_policy.priority_ceiling))?;
    let call = parse_call(parse, request, body.bytes.clone())?;
    check_agent(&call, &agent)?;
    let (dialect, stream_type) = (call.client.dialect(), call.client.stream_type());
    let target = RouteTarget::parse(&call.model);
    let strictness = parts.strict.of(agent.agent_id, strictness(request)?);
    log_session(request_id, request);
    log_alias(request_id, &target);
    let idempotency = idempotency::claim(request, &call.body)?;
    // Only a call with an idempotency key can ask for its answer again, so only its answer is kept.
    let recorder = idempotency
        .filter(|_| parts.answers == AnswerRetention::Keep)
        .map(|_| Recorder::new(ANSWER_LIMIT_BYTES));
    let (inference_id, receipt_id) = (InferenceId::mint(), ReceiptId::mint());
    let names = answer_names(&call, request_id, agent.agent_id, inference_id, receipt_id);
    let frames = ClientFrames::new(&call.client, names);
    let (sender, receiver) = mpsc::channel(BODY_CHANNEL_FRAMES);
    let sink = match call.delivery {
        Delivery::Streamed => streaming_sink(frames, request_id, sender, recorder, &serving),
        Delivery::Whole => collecting_sink(frames, request_id, &call, recorder),
    };
    let (head, answer) = oneshot::channel();
    let agent_id = agent.agent_id;
    let setup = Rc::new(CallSetup {
        request_id,
        inference_id,
        receipt_id,
        call: Arc::new(call),
        agent,
        target,
        session: session(request),
        strictness,
        idempotency,
        worker: Rc::clone(worker),
    });
    let client = ClientHold::new(DispatchActor::new(setup, permit, sink, head).start());
    // A dispatcher that panics drops the sender of the head. That is answered with a 500.
    let crashed = || FailedHead { failure: CallFailure::Internal, coercions: Vec::new() };
    match answer.await.unwrap_or_else(|_| Err(crashed())) {
        Ok(mut head) => {
            if dialect == ClientDialect::Inference {
                head = inference::completed(head, &parts.catalogue);
            }
            let events = EventBody::new(receiver, client);
            Ok(answer::response(request_id, agent_id, head, events, stream_type))
        }
        Err(failed) => {
            client.release();
            Ok(failed_response(failed, request, request_id))
        }
    }
}

/// An error, with what its provider did not get as it was sent.
fn failed_response(
    failed: FailedHead,
    request: &HttpRequest,
    request_id: RequestId,
) -> HttpResponse {
    let mut response = ApiError::Call(failed.failure).response_to(request, request_id);
    answer::name_coercions(response.headers_mut(), &failed.coercions);
    response
}

fn parse_call(parse: Parse<'_>, request: &HttpRequest, body: Bytes) -> Result<Call, ApiError> {
    let headers = client_headers(request)?;
    let call = parse(body, headers, &estimate_tokens).map_err(ApiError::BadRequest)?;
    if call.client.dialect() == ClientDialect::Inference && call.delivery == Delivery::Streamed {
        return Err(ApiError::StreamingNotSupported);
    }
    Ok(call)
}

/// A body that names another agent than its key is of a caller who mixed up two of them.
fn check_agent(call: &Call, agent: &Agent) -> Result<(), ApiError> {
    let Some(named) = &call.extras.agent else { return Ok(()) };
    let is_its_own = *named == agent.name
        || named.parse().is_ok_and(|agent_id: uuid::Uuid| agent_id == agent.agent_id.0);
    if is_its_own {
        return Ok(());
    }
    let message = format!("is not the agent of this key, which is {}", agent.agent_id);
    Err(ApiError::BadRequest(BadRequest::new("agent_id", message)))
}

/// The names that stand in the answer, whichever provider gives it.
fn answer_names(
    call: &Call,
    request_id: RequestId,
    agent_id: AgentId,
    inference_id: InferenceId,
    receipt_id: ReceiptId,
) -> AnswerNames {
    AnswerNames {
        request_id: request_id.header_value(),
        digits: id_digits(request_id),
        model: call.model.clone(),
        agent_id: agent_id.to_string(),
        inference_id: inference_id.to_string(),
        receipt_id: receipt_id.to_string(),
        created_s: Timestamp::now().as_second(),
        estimated_input_tokens: call.estimated_input_tokens,
        coercions: Default::default(),
    }
}

/// Writes each frame into the body as it comes.
fn streaming_sink(
    frames: ClientFrames,
    request_id: RequestId,
    sender: mpsc::Sender<Bytes>,
    recorder: Option<Recorder>,
    serving: &Serving,
) -> SinkAddress {
    let deadlines = &serving.parts.deadlines;
    let sink = SseSink::new(frames, request_id, sender, deadlines.stall, deadlines.ping)
        .recording(recorder)
        .acknowledging(serving.worker.acknowledge)
        .start();
    SinkAddress {
        write: sink.clone().recipient(),
        stream: Some(StreamAddress {
            opened: sink.clone().recipient(),
            error: sink.clone().recipient(),
            finish: sink.clone().recipient(),
            close: sink.recipient(),
        }),
    }
}

/// Puts the frames together into one whole answer.
fn collecting_sink(
    frames: ClientFrames,
    request_id: RequestId,
    call: &Call,
    recorder: Option<Recorder>,
) -> SinkAddress {
    let sink = CollectSink::new(frames, request_id, WholeAnswer::of(&call.client))
        .recording(recorder)
        .start();
    SinkAddress { write: sink.recipient(), stream: None }
}

/// Callers should use the routing name; the log shows which ones still use an older one.
fn log_alias(request_id: RequestId, target: &RouteTarget) {
    if let RouteTarget::Routed { alias: Some(legacy) } = target {
        tracing::info!(
            request_id = request_id.header_value(),
            legacy,
            canonical = ainfera_routing::ROUTING_TARGET,
            "router_alias_hit"
        );
    }
}

/// The id of the session that a call is part of, under the names that coding agents use for it.
pub(super) fn session(request: &HttpRequest) -> Option<String> {
    const HEADERS: [&str; 5] = [
        "x-claude-code-session-id",
        "session_id",
        "session-id",
        "x-session-affinity",
        "x-session-id",
    ];
    let text = |name: &&str| request.headers().get(*name).and_then(|value| value.to_str().ok());
    HEADERS.iter().find_map(text).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Logs the session of Claude Code that a call belongs to, and which of its agents made it.
fn log_session(request_id: RequestId, request: &HttpRequest) {
    let text = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.len() <= MAX_SESSION_BYTES)
    };
    if let Some(session) = text("x-claude-code-session-id") {
        let (agent, parent_agent) =
            (text("x-claude-code-agent-id"), text("x-claude-code-parent-agent-id"));
        tracing::info!(
            request_id = request_id.header_value(),
            session,
            agent,
            parent_agent,
            "claude_code_session"
        );
    }
}

/// The priority that the caller asks for, but never above the ceiling that its operator set.
fn priority(request: &HttpRequest, ceiling: PriorityCeiling) -> Priority {
    let header = request.headers().get("x-ainfera-priority");
    let requested = Priority::parse(header.and_then(|value| value.to_str().ok()));
    match (requested, ceiling) {
        (Priority::Critical, PriorityCeiling::Default) => Priority::Default,
        (requested, _) => requested,
    }
}

/// How much of the call may be changed on its way: the header `x-ainfera-strict`.
fn strictness(request: &HttpRequest) -> Result<Strictness, ApiError> {
    const HEADER: &str = "x-ainfera-strict";
    match request.headers().get(HEADER).map(|value| value.to_str().unwrap_or_default()) {
        None | Some("false") => Ok(Strictness::Disclose),
        Some("true") => Ok(Strictness::Lossless),
        Some("exact") => Ok(Strictness::Exact),
        // A misspelt word is refused: the caller meant to be strict.
        Some(_) => {
            Err(ApiError::BadRequest(BadRequest::new(HEADER, "must be one of true, exact, false")))
        }
    }
}

/// 24 hex digits of the request's id: the last ones, which are random.
fn id_digits(request_id: RequestId) -> String {
    request_id.0.simple().to_string().split_off(8)
}

pub fn client_headers(request: &HttpRequest) -> Result<ClientHeaders, ApiError> {
    let text = |name: &str| -> Vec<&str> {
        request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect()
    };
    let version = text("anthropic-version").first().map(|version| (*version).to_owned());
    if let Some(version) = version.as_deref().filter(|version| !is_date(version)) {
        let message = format!("`{version}` is not a version; versions look like 2023-06-01");
        return Err(ApiError::BadRequest(BadRequest::new("anthropic-version", message)));
    }
    let beta = text("anthropic-beta");
    Ok(ClientHeaders {
        version,
        beta: (!beta.is_empty()).then(|| beta.join(",")),
        others: other_headers(request),
    })
}

/// `anthropic-*` headers that only Anthropic reads, such as the workspace of a call.
fn other_headers(request: &HttpRequest) -> Vec<(String, String)> {
    // The last of them is there for browsers only.
    const READ_HERE: [&str; 3] =
        ["anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access"];
    let headers = request.headers().iter();
    let others = headers.filter(|(name, _)| {
        name.as_str().starts_with("anthropic-") && !READ_HERE.contains(&name.as_str())
    });
    others
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect()
}

fn is_date(version: &str) -> bool {
    let bytes = version.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| {
            if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() }
        })
}
