//! One call of a connection, from its message to the last event of its answer.

use std::cell::RefCell;
use std::rc::Rc;

use ainfera_actors::dispatch::{CallFailure, Head, HeadBody};
use ainfera_actors::gate::GateRefusal;
use ainfera_actors::sink::body::EventBody;
use ainfera_schema::{AgentId, RequestId};
use ainfera_wire::client::{
    AnswerWatch, Call, PreviousResponse, Purpose, ResponseCreate, warm_up_events,
};
use ainfera_wire::codec::{SseDecoder, SseEvent};
use bytes::Bytes;
use bytestring::ByteString;
use futures_util::StreamExt;
use jiff::Timestamp;
use serde_json::json;

use super::link::Link;
use crate::http::body::Share;
use crate::http::calls::{self, Answered, ArrivedCall, IdempotencyKey, RefusedCall};
use crate::http::error::ApiError;

/// See the module.
pub(super) struct Turn {
    pub(super) link: Rc<Link>,
    pub(super) create: ResponseCreate,
    /// Of the memory for bodies.
    pub(super) share: Share,
    pub(super) previous: Option<Rc<Remembered>>,
    /// Sees each event that the client gets.
    pub(super) watch: Rc<RefCell<AnswerWatch>>,
}

/// The last response of a connection, and its share of the memory.
pub(super) struct Remembered {
    response: PreviousResponse,
    _share: Share,
}

/// How a call ended, as far as the connection is concerned.
pub(super) enum TurnEnd {
    /// With what the next call may go on from, if there was room for it.
    Answered(Option<Remembered>),
    /// The client heard of it. What was before is still there.
    Failed,
    /// The client did not get the last event.
    Cut,
}

impl Turn {
    pub(super) async fn run(mut self) -> TurnEnd {
        let request_id = RequestId::mint();
        // only the last response of this connection is known here
        let asked = self.create.previous_response_id.as_deref();
        self.previous =
            self.previous.take().filter(|known| asked == Some(known.response.id.as_str()));
        match self.answered(request_id).await {
            Ok(end) => end,
            Err(refused) => {
                let changed = refused.coercions.iter();
                let coercions = changed.map(|coercion| self.callers_field(coercion)).collect();
                let error = self.in_callers_words(refused.error);
                self.link.refuse(&RefusedCall { error, coercions }, request_id).await;
                TurnEnd::Failed
            }
        }
    }

    async fn answered(&mut self, request_id: RequestId) -> Result<TurnEnd, RefusedCall> {
        let link = Rc::clone(&self.link);
        let (shared, request) = (&link.shared, &link.request);
        if shared.gate.is_closed() {
            return Err(GateRefusal::Closed.into());
        }
        // the key may have been revoked since the handshake
        let agent = shared.keys.authenticate(request, &shared.reader).await?;
        let serving = link.slot.current();
        let body = self.body()?;
        if self.create.purpose == Purpose::WarmUp {
            return Ok(self.warmed_up(request_id, body).await);
        }
        let parse = &Call::from_responses;
        let (agent_id, sent) = (agent.agent_id, body.clone());
        let arrived = ArrivedCall { request_id, request, parse, body, agent };
        let key = IdempotencyKey::OfMessage(self.create.idempotency_key.take());
        let Answered { head, events, .. } = calls::start(arrived, key, shared, &serving).await?;
        Ok(self.pass_on(request_id, agent_id, head, events, sent).await)
    }

    /// The call's body, with the conversation that it goes on from.
    fn body(&mut self) -> Result<Bytes, ApiError> {
        let limits = &self.link.slot.current().parts.limits;
        let previous = self.previous.as_ref().map(|previous| &previous.response);
        let before = previous.map_or(0, PreviousResponse::bytes);
        let bytes = self.create.bytes() + before;
        if bytes > limits.body_bytes {
            return Err(ApiError::BodyTooLarge { limit_bytes: limits.body_bytes });
        }
        self.share.grow_to(bytes, limits)?;
        self.create.body(previous).map_err(ApiError::BadRequest)
    }

    /// What only we know goes first: HTTP has headers for it.
    async fn pass_on(
        &mut self,
        request_id: RequestId,
        agent_id: AgentId,
        head: Head,
        events: EventBody,
        sent: Bytes,
    ) -> TurnEnd {
        let told = self.call_event(request_id, agent_id, &head);
        if self.link.say(told).await.is_err() {
            return TurnEnd::Cut;
        }
        let mut decoder = SseDecoder::default();
        match head.body {
            HeadBody::Stream => {
                let mut events = events;
                while let Some(chunk) = events.next().await {
                    if self.say_frames(&mut decoder, chunk).await.is_err() {
                        return TurnEnd::Cut;
                    }
                }
            }
            HeadBody::Whole(body) | HeadBody::Replayed { body, .. } => {
                events.finished();
                if self.say_frames(&mut decoder, body).await.is_err() {
                    return TurnEnd::Cut;
                }
            }
        }
        let watch = self.watch.take();
        if !watch.has_ended() {
            return TurnEnd::Cut;
        }
        match watch.into_previous(sent) {
            Some(response) => TurnEnd::Answered(self.remembered(response)),
            None => TurnEnd::Failed,
        }
    }

    fn call_event(&self, request_id: RequestId, agent_id: AgentId, head: &Head) -> String {
        let facts = &head.facts;
        let lost = self.previous.iter().flat_map(|previous| previous.response.losses());
        let changed = facts.coercions.iter().map(|coercion| self.callers_field(coercion));
        let coercions: Vec<String> = lost.chain(changed).collect();
        let is_replayed = matches!(head.body, HeadBody::Replayed { .. });
        json!({
            "type": "ainfera.call", "request_id": request_id.header_value(), "agent_id": agent_id.to_string(),
            "inference_id": facts.inference_id, "receipt_id": facts.receipt_id, "model": facts.model,
            "stream_mode": facts.stream_mode.as_str(), "idempotent_replayed": is_replayed, "coercions": coercions,
        })
        .to_string()
    }

    /// Each event of a stream as one message. An error: the client has left, or it was no event.
    async fn say_frames(&self, decoder: &mut SseDecoder, chunk: Bytes) -> Result<(), ()> {
        let mut frames: Vec<SseEvent> = Vec::new();
        decoder.feed(chunk, &mut frames).map_err(|_| ())?;
        for SseEvent { name, data } in frames {
            // what some providers say after the last event is no JSON
            if data.is_empty() || data == "[DONE]" {
                continue;
            }
            self.watch.borrow_mut().observe(&name, &data);
            let text = ByteString::try_from(data).map_err(|_| ())?;
            self.link.say(text).await.map_err(|_| ())?;
        }
        Ok(())
    }

    /// Nobody is asked, so there is no row; the next call goes on from here.
    async fn warmed_up(&mut self, request_id: RequestId, body: Bytes) -> TurnEnd {
        let id = format!("resp_{}", calls::id_digits(request_id));
        let created_s = Timestamp::now().as_second();
        for event in warm_up_events(&id, &self.create.model(), created_s) {
            if self.link.say(event).await.is_err() {
                return TurnEnd::Cut;
            }
        }
        TurnEnd::Answered(self.remembered(PreviousResponse::new(id, body, Vec::new())))
    }

    /// Kept if there is room: without it the client sends the whole conversation again.
    fn remembered(&self, response: PreviousResponse) -> Option<Remembered> {
        let mut share = self.link.shared.remembered.share(self.link.agent_id);
        let limits = &self.link.slot.current().parts.limits;
        share.grow_to(response.bytes(), limits).ok()?;
        Some(Remembered { response, _share: share })
    }

    /// The body that was sent on has the conversation before the caller's own items.
    fn in_callers_words(&self, error: ApiError) -> ApiError {
        let renamed = |bad: ainfera_wire::error::BadRequest| {
            ainfera_wire::error::BadRequest::new(self.callers_field(&bad.field), bad.message)
        };
        match error {
            ApiError::BadRequest(bad) => ApiError::BadRequest(renamed(bad)),
            ApiError::Call(CallFailure::BadRequest(bad)) => {
                ApiError::Call(CallFailure::BadRequest(renamed(bad)))
            }
            other => other,
        }
    }

    fn callers_field(&self, field: &str) -> String {
        let Some(previous) = &self.previous else { return field.to_owned() };
        match field.split_once('=') {
            Some((field, change)) => {
                format!("{}={change}", previous.response.callers_field(field))
            }
            None => previous.response.callers_field(field),
        }
    }
}
