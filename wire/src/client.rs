//! The client's side of one call: its dialect, the frames that it hears, its answer when it wants
//! it whole, its errors.
//!
//! A dialect is one variant of [`Client`], one of [`ClientFrames`] and one of [`WholeAnswer`], each
//! a module of its own beside its parser.

pub(crate) mod answer_names;
pub(crate) mod call;
pub(crate) mod chat;
pub(crate) mod inference;
pub(crate) mod messages;
pub(crate) mod openai;
pub(crate) mod output_limit;
pub(crate) mod responses;
pub(crate) mod translation;

pub use crate::client::answer_names::AnswerNames;
pub use crate::client::call::{Call, ClientHeaders, Delivery};
pub use crate::client::output_limit::OutputLimit;
pub use crate::dialect::ClientDialect;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;

use crate::client::chat::stream::{ChatFrames, replayed, shown};
use crate::client::chat::usage_chunk::UsageChunk;
use crate::client::chat::whole::ChatCompletion;
use crate::client::inference::flat;
use crate::client::messages::stream::AnthropicFrames;
use crate::client::messages::whole::AnthropicMessage;
use crate::client::responses::request::ResponsesClient;
use crate::client::responses::stream::ResponsesFrames;
use crate::client::responses::whole::ResponseObject;
use crate::codec::sse::write_frame;
use crate::error::client_error::ClientError;
use crate::event::{ProviderEvent, StreamEvent};
use crate::request::toolsets::Toolsets;

/// What the client said about its answer, beyond the call itself.
#[derive(Debug, Clone)]
pub enum Client {
    Messages(Toolsets),
    Chat(UsageChunk),
    Responses(Box<ResponsesClient>),
    Inference,
}

impl Client {
    pub fn dialect(&self) -> ClientDialect {
        match self {
            Client::Messages(_) => ClientDialect::Messages,
            Client::Chat(_) => ClientDialect::Chat,
            Client::Responses(_) => ClientDialect::Responses,
            Client::Inference => ClientDialect::Inference,
        }
    }

    /// Frames of an earlier stream, as this client hears them.
    pub fn replayed<'a>(&self, recorded: &'a str) -> Cow<'a, str> {
        match self {
            Client::Messages(_) | Client::Responses(_) | Client::Inference => {
                Cow::Borrowed(recorded)
            }
            Client::Chat(usage_chunk) => Cow::Owned(replayed(recorded, *usage_chunk)),
        }
    }
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
            Client::Messages(toolsets) => ClientFrames::Messages(AnthropicFrames::new(
                format!("msg_{}", names.digits),
                &names.model,
                names.estimated_input_tokens,
                toolsets.clone(),
            )),
            Client::Chat(usage_chunk) => ClientFrames::Chat(ChatFrames::new(names, *usage_chunk)),
            Client::Responses(client) => {
                ClientFrames::Responses(Box::new(ResponsesFrames::new(names, (**client).clone())))
            }
            // it is never streamed: what it is put together from are chunks
            Client::Inference => ClientFrames::Chat(ChatFrames::new(names, UsageChunk::Wanted)),
        }
    }

    /// What did not reach the provider as it was sent: the block `ainfera` names it. A message of
    /// Anthropic's dialect has no such block in a stream.
    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        match self {
            ClientFrames::Messages(_) => {}
            ClientFrames::Chat(frames) => frames.name_coercions(coercions),
            ClientFrames::Responses(frames) => frames.name_coercions(coercions),
        }
    }

    /// Appends the frames for one event.
    pub fn write(&mut self, provider_event: &ProviderEvent, out: &mut BytesMut) {
        self.write_recorded(provider_event, out, &mut |_, _| {});
    }

    /// The same; `record` gets the frames with what this client does not want to hear, for whom the
    /// answer is given again.
    pub fn write_recorded(
        &mut self,
        provider_event: &ProviderEvent,
        out: &mut BytesMut,
        record: &mut dyn FnMut(&str, &[u8]),
    ) {
        if provider_event.event == StreamEvent::Ping && !matches!(self, ClientFrames::Messages(_)) {
            // the other dialects have no event for it
            return out.extend_from_slice(b": ping\n\n");
        }
        let usage_chunk = match self {
            ClientFrames::Chat(frames) => Some(frames.usage_chunk()),
            ClientFrames::Messages(_) | ClientFrames::Responses(_) => None,
        };
        self.json(provider_event, &mut |name, json| {
            record(name, json);
            if let Some(name) =
                usage_chunk.map_or(Some(name), |usage_chunk| shown(name, usage_chunk))
            {
                write_frame(name, json, out);
            }
        });
    }

    /// The same frames as name and JSON, for a client that gets the whole answer at once. A dialect
    /// without event names has empty ones.
    pub fn json(&mut self, provider_event: &ProviderEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        match self {
            ClientFrames::Messages(frames) => frames.json(provider_event, visit),
            ClientFrames::Chat(frames) => frames.json(provider_event, visit),
            ClientFrames::Responses(frames) => frames.json(provider_event, visit),
        }
    }

    /// What keeps a silent connection alive.
    pub fn ping(&mut self, out: &mut BytesMut) {
        self.write(&ProviderEvent::translated(StreamEvent::Ping), out);
    }

    /// The last frames of a stream that failed after its 200: nothing follows them, least of all
    /// the protocol's own last word.
    pub fn error(&mut self, error: &ClientError, out: &mut BytesMut) {
        match self {
            ClientFrames::Messages(_) => {
                write_frame("error", error.json(ClientDialect::Messages).as_bytes(), out)
            }
            ClientFrames::Chat(_) => {
                write_frame("", error.json(ClientDialect::Chat).as_bytes(), out)
            }
            ClientFrames::Responses(frames) => {
                frames.error(error, &mut |name, json| write_frame(name, json, out))
            }
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
            Client::Messages(_) => WholeAnswer::Messages(AnthropicMessage::default()),
            Client::Chat(_) => WholeAnswer::Chat(ChatCompletion::default()),
            Client::Responses(_) => WholeAnswer::Responses(ResponseObject::default()),
            Client::Inference => WholeAnswer::Inference(ChatCompletion::default()),
        }
    }

    /// Takes one frame: its name and its JSON.
    pub fn add(&mut self, name: &str, data: &[u8]) {
        match self {
            WholeAnswer::Messages(message) => message.add(name, data),
            WholeAnswer::Chat(completion) | WholeAnswer::Inference(completion) => {
                completion.add(data)
            }
            WholeAnswer::Responses(response) => response.add(name, data),
        }
    }

    /// The body of the answer.
    pub fn into_json(self) -> Vec<u8> {
        match self {
            WholeAnswer::Messages(message) => message.into_json(),
            WholeAnswer::Chat(completion) => completion.into_value().to_string().into_bytes(),
            WholeAnswer::Responses(response) => response.into_value().to_string().into_bytes(),
            WholeAnswer::Inference(completion) => {
                flat(&completion.into_value()).to_string().into_bytes()
            }
        }
    }
}
