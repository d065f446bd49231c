//! The client's side of one call: its dialect, the frames that it hears, its answer when it wants it whole, its errors.
//!
//! A dialect is one variant of [`Client`], one of [`ClientFrames`] and one of [`WholeAnswer`], each a module of its own beside its parser.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;

use crate::anthropic::frames::AnthropicFrames;
use crate::anthropic::message::AnthropicMessage;
use crate::chat::call::UsageChunk;
use crate::chat::completion::ChatCompletion;
use crate::chat::frames::{ChatFrames, replayed, shown};
use crate::client_error::ClientError;
use crate::event::{Heard, StreamEvent};
use crate::inference::flat;
use crate::responses::call::ResponsesClient;
use crate::responses::frames::ResponsesFrames;
use crate::responses::whole::ResponseObject;
use crate::sse::write_frame;

/// What a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientDialect {
    /// Anthropic's `POST /v1/messages`.
    Messages,
    /// OpenAI's `POST /v1/chat/completions`.
    Chat,
    /// OpenAI's `POST /v1/responses`.
    Responses,
    /// The flat `POST /v1/inference`.
    Inference,
}

impl ClientDialect {
    /// The dialect in which a request to this path is answered, also when it is refused.
    pub fn of_path(path: &str) -> Self {
        match path.strip_prefix("/v1/").map(|rest| rest.split('/').next().unwrap_or_default()) {
            Some("chat") => ClientDialect::Chat,
            Some("responses") => ClientDialect::Responses,
            Some("inference") => ClientDialect::Inference,
            Some(_) | None => ClientDialect::Messages,
        }
    }
}

/// What the client said about its answer, beyond the call itself.
#[derive(Debug, Clone)]
pub enum Client {
    Messages,
    Chat(UsageChunk),
    Responses(Box<ResponsesClient>),
    Inference,
}

impl Client {
    pub fn dialect(&self) -> ClientDialect {
        match self {
            Client::Messages => ClientDialect::Messages,
            Client::Chat(_) => ClientDialect::Chat,
            Client::Responses(_) => ClientDialect::Responses,
            Client::Inference => ClientDialect::Inference,
        }
    }

    /// Frames of an earlier stream, as this client hears them.
    pub fn replayed<'a>(&self, recorded: &'a str) -> Cow<'a, str> {
        match self {
            Client::Messages | Client::Responses(_) | Client::Inference => Cow::Borrowed(recorded),
            Client::Chat(usage_chunk) => Cow::Owned(replayed(recorded, *usage_chunk)),
        }
    }
}

/// The names under which one answer goes out.
#[derive(Debug, Clone)]
pub struct AnswerNames {
    /// As in the `request-id` header.
    pub request_id: String,
    /// 24 hex digits that no other answer has: what ids of this answer are made of.
    pub digits: String,
    /// The model as the caller named it.
    pub model: String,
    pub agent_id: String,
    pub inference_id: String,
    pub receipt_id: String,
    /// Seconds since the Unix epoch.
    pub created_s: i64,
    /// Shown where a provider has not counted yet; an agent that sees 0 never compacts its context.
    pub estimated_input_tokens: u64,
    /// What did not reach the provider as it was sent, as far as it is known.
    pub coercions: Arc<[String]>,
}

/// Writes one answer in the client's dialect. A pure state machine: events in, frames out.
#[derive(Debug)]
pub enum ClientFrames {
    Messages(AnthropicFrames),
    Chat(ChatFrames),
    Responses(Box<ResponsesFrames>),
}

impl ClientFrames {
    pub fn new(client: &Client, names: AnswerNames) -> Self {
        match client {
            Client::Messages => {
                ClientFrames::Messages(AnthropicFrames::new(format!("msg_{}", names.digits), &names.model, names.estimated_input_tokens))
            }
            Client::Chat(usage_chunk) => ClientFrames::Chat(ChatFrames::new(names, *usage_chunk)),
            Client::Responses(client) => ClientFrames::Responses(Box::new(ResponsesFrames::new(names, (**client).clone()))),
            // it is never streamed: what it is put together from are chunks
            Client::Inference => ClientFrames::Chat(ChatFrames::new(names, UsageChunk::Wanted)),
        }
    }

    /// What did not reach the provider as it was sent: the block `ainfera` names it. A message of Anthropic's dialect has no such block in a stream.
    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        match self {
            ClientFrames::Messages(_) => {}
            ClientFrames::Chat(frames) => frames.name_coercions(coercions),
            ClientFrames::Responses(frames) => frames.name_coercions(coercions),
        }
    }

    /// Appends the frames for one event.
    pub fn write(&mut self, heard: &Heard, out: &mut BytesMut) {
        self.write_recorded(heard, out, &mut |_, _| {});
    }

    /// The same; `record` gets the frames with what this client does not want to hear, for whom the answer is given again.
    pub fn write_recorded(&mut self, heard: &Heard, out: &mut BytesMut, record: &mut dyn FnMut(&str, &[u8])) {
        if heard.event == StreamEvent::Ping && !matches!(self, ClientFrames::Messages(_)) {
            // the other dialects have no event for it
            return out.extend_from_slice(b": ping\n\n");
        }
        let usage_chunk = match self {
            ClientFrames::Chat(frames) => Some(frames.usage_chunk()),
            ClientFrames::Messages(_) | ClientFrames::Responses(_) => None,
        };
        self.json(heard, &mut |name, json| {
            record(name, json);
            if let Some(name) = usage_chunk.map_or(Some(name), |usage_chunk| shown(name, usage_chunk)) {
                write_frame(name, json, out);
            }
        });
    }

    /// The same frames as name and JSON, for a client that gets the whole answer at once. A dialect without event names has empty ones.
    pub fn json(&mut self, heard: &Heard, visit: &mut dyn FnMut(&str, &[u8])) {
        match self {
            ClientFrames::Messages(frames) => frames.json(heard, visit),
            ClientFrames::Chat(frames) => frames.json(heard, visit),
            ClientFrames::Responses(frames) => frames.json(heard, visit),
        }
    }

    /// What keeps a silent connection alive.
    pub fn ping(&mut self, out: &mut BytesMut) {
        self.write(&Heard::translated(StreamEvent::Ping), out);
    }

    /// The last frames of a stream that failed after its 200: nothing follows them, least of all the protocol's own last word.
    pub fn error(&mut self, error: &ClientError, out: &mut BytesMut) {
        match self {
            ClientFrames::Messages(_) => write_frame("error", error.json(ClientDialect::Messages).as_bytes(), out),
            ClientFrames::Chat(_) => write_frame("", error.json(ClientDialect::Chat).as_bytes(), out),
            ClientFrames::Responses(frames) => frames.error(error, &mut |name, json| write_frame(name, json, out)),
        }
    }
}

/// The whole answer, put together from the frames that a stream would have carried.
#[derive(Debug)]
pub enum WholeAnswer {
    Messages(AnthropicMessage),
    Chat(ChatCompletion),
    Responses(ResponseObject),
    Inference(ChatCompletion),
}

impl WholeAnswer {
    /// An empty one, in the dialect of this client.
    pub fn of(client: &Client) -> Self {
        match client {
            Client::Messages => WholeAnswer::Messages(AnthropicMessage::default()),
            Client::Chat(_) => WholeAnswer::Chat(ChatCompletion::default()),
            Client::Responses(_) => WholeAnswer::Responses(ResponseObject::default()),
            Client::Inference => WholeAnswer::Inference(ChatCompletion::default()),
        }
    }

    /// Takes one frame: its name and its JSON.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        match self {
            WholeAnswer::Messages(message) => message.add(name, data),
            WholeAnswer::Chat(completion) | WholeAnswer::Inference(completion) => completion.add(data),
            WholeAnswer::Responses(response) => response.add(name, data),
        }
    }

    /// The body of the answer.
    pub fn into_json(self) -> Vec<u8> {
        match self {
            WholeAnswer::Messages(message) => message.into_json(),
            WholeAnswer::Chat(completion) => completion.into_value().to_string().into_bytes(),
            WholeAnswer::Responses(response) => response.into_value().to_string().into_bytes(),
            WholeAnswer::Inference(completion) => flat(&completion.into_value()).to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_dialect() {
        for (path, dialect) in [
            ("/v1/messages", ClientDialect::Messages),
            ("/v1/messages/count_tokens", ClientDialect::Messages),
            ("/v1/chat/completions", ClientDialect::Chat),
            ("/v1/responses", ClientDialect::Responses),
            ("/v1/responses/resp_1", ClientDialect::Responses),
            ("/v1/inference", ClientDialect::Inference),
            ("/v1/inferences/1", ClientDialect::Messages),
            ("/elsewhere", ClientDialect::Messages),
        ] {
            assert_eq!(ClientDialect::of_path(path), dialect, "{path}");
        }
    }
}
