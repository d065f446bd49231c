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
    CallFailure, DispatchActor, FailedHead, Head, SinkAddress, StreamAddress,
};
use ainfera_actors::gate::GateRefusal;
use ainfera_actors::sink::body::{ClientHold, EventBody};
use ainfera_actors::sink::collect::CollectSink;
use ainfera_actors::sink::recorder::{ANSWER_LIMIT_BYTES, Recorder};
use ainfera_actors::sink::{BODY_CHANNEL_FRAMES, SseSink};
use ainfera_routing::{RouteTarget, estimate_tokens};
use ainfera_schema::{Agent, AgentId, InferenceId, ReceiptId, RequestId};
use ainfera_wire::client::{
    AnswerNames, Call, ClientDialect, ClientFrames, ClientHeaders, Delivery, WholeAnswer,
};
use ainfera_wire::error::BadRequest;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::call_headers::{client_headers, log_session, priority, session, strictness};
use super::error::ApiError;
use super::state::Shared;
use super::{answer, idempotency, inference};
use crate::config::AnswerRetention;
use crate::server::serving::{Serving, ServingSlot};

/// A body in one of the client dialects, parsed and checked.
pub type Parse<'p> =
    &'p dyn Fn(Bytes, ClientHeaders, &dyn Fn(&str) -> u64) -> Result<Call, BadRequest>;

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
        Err(refused) => refused.response_to(&request, request_id),
    }
}

async fn dispatch(
    request_id: RequestId,
    parse: Parse<'_>,
    request: &HttpRequest,
    payload: Payload,
    shared: &Shared,
    slot: &ServingSlot,
) -> Result<HttpResponse, RefusedCall> {
    if shared.gate.is_closed() {
        return Err(GateRefusal::Closed.into());
    }
    let agent = shared.keys.authenticate(request, &shared.reader).await?;
    // The configuration is taken once: a reload while this call runs is for later calls.
    let serving = slot.current();
    let parts = &serving.parts;
    let body = shared
        .bodies
        .read(request, payload, agent.agent_id, &parts.limits, parts.deadlines.body)
        .await?;
    let arrived = ArrivedCall { request_id, request, parse, body: body.bytes.clone(), agent };
    let (agent_id, catalogue) = (arrived.agent.agent_id, Arc::clone(&parts.catalogue));
    let Answered { dialect, stream_type, head, events } =
        start(arrived, IdempotencyKey::OfHeader, shared, &serving).await?;
    let head = match dialect {
        ClientDialect::Inference => inference::completed(head, &catalogue),
        ClientDialect::Messages
        | ClientDialect::Chat
        | ClientDialect::Responses
        | ClientDialect::Gemini => head,
    };
    Ok(answer::response(request_id, agent_id, head, events, stream_type))
}

/// A call whose body is there.
pub struct ArrivedCall<'r> {
    pub request_id: RequestId,
    /// Its headers are the call's, also where the body came in another way.
    pub request: &'r HttpRequest,
    pub parse: Parse<'r>,
    pub body: Bytes,
    pub agent: Arc<Agent>,
}

/// Where the caller's own name for the call stands.
pub enum IdempotencyKey {
    OfHeader,
    /// In the message that asks for the call.
    OfMessage(Option<String>),
}

/// A call that is answered, as far as its head says.
pub struct Answered {
    pub dialect: ClientDialect,
    /// The content type of a streamed answer.
    pub stream_type: &'static str,
    pub head: Head,
    /// Dropped before its end, it ends the call.
    pub events: EventBody,
}

/// Lets a call in, starts its actors, and waits for the head of its answer.
pub async fn start(
    arrived: ArrivedCall<'_>,
    key: IdempotencyKey,
    shared: &Shared,
    serving: &Serving,
) -> Result<Answered, RefusedCall> {
    let ArrivedCall { request_id, request, parse, body, agent } = arrived;
    let (parts, worker) = (&serving.parts, &serving.worker);
    let permit = shared.gate.enter_as(priority(request, agent.spend_policy.priority_ceiling))?;
    let call = parse_call(parse, request, body)?;
    check_agent(&call, &agent)?;
    let (dialect, stream_type) = (call.client.dialect(), call.client.stream_type());
    let target = RouteTarget::parse(&call.model);
    let strictness = parts.strict.of(agent.agent_id, strictness(request)?);
    log_session(request_id, request);
    log_alias(request_id, &target);
    let idempotency = match key {
        IdempotencyKey::OfHeader => idempotency::claim(request, &call.body)?,
        IdempotencyKey::OfMessage(key) => key
            .map(|key| {
                let field = "idempotency_key";
                idempotency::claim_of(field, key.as_bytes(), request.path(), &call.body)
            })
            .transpose()?,
    };
    // Only a call with an idempotency key can ask for its answer again, so only its answer is kept.
    let recorder = idempotency
        .filter(|_| parts.answers == AnswerRetention::Keep)
        .map(|_| Recorder::new(ANSWER_LIMIT_BYTES));
    let (inference_id, receipt_id) = (InferenceId::mint(), ReceiptId::mint());
    let names = answer_names(&call, request_id, agent.agent_id, inference_id, receipt_id);
    let frames = ClientFrames::new(&call.client, names);
    let (sender, receiver) = mpsc::channel(BODY_CHANNEL_FRAMES);
    let sink = match call.delivery {
        Delivery::Streamed => streaming_sink(frames, request_id, sender, recorder, serving),
        Delivery::Whole => collecting_sink(frames, request_id, &call, recorder),
    };
    let (head, answer) = oneshot::channel();
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
        Ok(head) => {
            let events = EventBody::new(receiver, client);
            Ok(Answered { dialect, stream_type, head, events })
        }
        Err(failed) => {
            client.release();
            Err(RefusedCall { error: ApiError::Call(failed.failure), coercions: failed.coercions })
        }
    }
}

/// A call without an answer, and what its provider did not get as it was sent.
pub struct RefusedCall {
    pub error: ApiError,
    pub coercions: Vec<String>,
}

impl From<ApiError> for RefusedCall {
    fn from(error: ApiError) -> Self {
        Self { error, coercions: Vec::new() }
    }
}

impl From<GateRefusal> for RefusedCall {
    fn from(refusal: GateRefusal) -> Self {
        ApiError::from(refusal).into()
    }
}

impl RefusedCall {
    pub fn response_to(&self, request: &HttpRequest, request_id: RequestId) -> HttpResponse {
        let mut response = self.error.response_to(request, request_id);
        answer::name_coercions(response.headers_mut(), &self.coercions);
        response
    }
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

/// 24 hex digits of the request's id: the last ones, which are random.
pub fn id_digits(request_id: RequestId) -> String {
    request_id.0.simple().to_string().split_off(8)
}
