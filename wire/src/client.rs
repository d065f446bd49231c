//! The client's side of one call: its dialect, the frames that it hears, its answer when it wants
//! it whole, its errors.
//!
//! A dialect is one variant of [`Client`], one of [`ClientFrames`] and one of [`WholeAnswer`], each
//! a module of its own beside its parser.

pub(crate) mod answer_names;
pub(crate) mod call;
pub(crate) mod chat;
pub(crate) mod gemini;
pub(crate) mod inference;
pub(crate) mod messages;
pub(crate) mod openai;
pub(crate) mod output_limit;
pub(crate) mod responses;
pub(crate) mod translation;

pub use crate::client::answer_names::AnswerNames;
pub use crate::client::call::{Call, ClientHeaders, Delivery};
pub use crate::client::gemini::request::{GeminiClient, GeminiForm, GeminiTarget};
pub use crate::client::output_limit::OutputLimit;
pub use crate::client::responses::websocket::{
    AnswerWatch, ClientMessage, PreviousResponse, Purpose, ResponseCreate, warm_up_events,
};
pub use crate::dialect::ClientDialect;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::BytesMut;

use crate::client::chat::stream::{ChatFrames, replayed, shown};
use crate::client::chat::usage_chunk::UsageChunk;
use crate::client::chat::whole::ChatCompletion;
use crate::client::gemini::array::{self, ArrayWriter};
use crate::client::gemini::stream::GeminiFrames;
use crate::client::gemini::whole::GeminiResponse;
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
    Gemini(GeminiClient),
}

impl Client {
    pub fn dialect(&self) -> ClientDialect {
        match self {
            Client::Messages(_) => ClientDialect::Messages,
            Client::Chat(_) => ClientDialect::Chat,
            Client::Responses(_) => ClientDialect::Responses,
            Client::Inference => ClientDialect::Inference,
            Client::Gemini(_) => ClientDialect::Gemini,
        }
    }

    /// The content type of this client's streams.
    pub fn stream_type(&self) -> &'static str {
        match self {
            Client::Gemini(client) if client.form == GeminiForm::Array => "application/json",
            _ => "text/event-stream; charset=utf-8",
        }
    }

    /// Frames of an earlier stream, as this client hears them.
    pub fn replayed<'a>(&self, recorded: &'a str) -> Cow<'a, str> {
        match self {
            Client::Messages(_) | Client::Responses(_) | Client::Inference => {
                Cow::Borrowed(recorded)
            }
            Client::Chat(usage_chunk) => Cow::Owned(replayed(recorded, *usage_chunk)),
            Client::Gemini(client) if client.form == GeminiForm::Array => {
                Cow::Owned(array::replayed(recorded))
            }
            Client::Gemini(_) => Cow::Borrowed(recorded),
        }
    }
}

/// Writes one answer in the client's dialect. A pure state machine: events in, frames out.
#[derive(Debug)]
pub enum ClientFrames {
    Messages(AnthropicFrames),
    Chat(ChatFrames),
    Responses(Box<ResponsesFrames>),
    Gemini(Box<GeminiFrames>),
    /// The same, as elements of one array.
    GeminiArray(Box<GeminiFrames>, ArrayWriter),
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
            Client::Gemini(client) => {
                let frames = Box::new(GeminiFrames::new(names, client.thoughts));
                match client.form {
                    GeminiForm::Array => ClientFrames::GeminiArray(frames, ArrayWriter::default()),
                    GeminiForm::Whole | GeminiForm::Events => ClientFrames::Gemini(frames),
                }
            }
        }
    }

    /// What did not reach the provider as it was sent: the block `ainfera` names it. A message of
    /// Anthropic's dialect has no such block in a stream.
    pub fn name_coercions(&mut self, coercions: &Arc<[String]>) {
        match self {
            ClientFrames::Messages(_) => {}
            ClientFrames::Chat(frames) => frames.name_coercions(coercions),
            ClientFrames::Responses(frames) => frames.name_coercions(coercions),
            ClientFrames::Gemini(frames) | ClientFrames::GeminiArray(frames, _) => {
                frames.name_coercions(coercions)
            }
        }
    }

    /// The time of the events that follow, in seconds since the Unix epoch: some answers say when
    /// they were complete.
    pub fn set_time(&mut self, now_s: i64) {
        if let ClientFrames::Responses(frames) = self {
            frames.set_time(now_s);
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
        if provider_event.event == StreamEvent::Ping && self.ping_without_event(out) {
            return;
        }
        if let ClientFrames::GeminiArray(frames, array) = self {
            frames.json(provider_event, &mut |name, json| {
                record(name, json);
                array.element(json, out);
            });
            if provider_event.event == StreamEvent::End {
                array.end(out);
            }
            return;
        }
        let usage_chunk = match self {
            ClientFrames::Chat(frames) => Some(frames.usage_chunk()),
            ClientFrames::Messages(_)
            | ClientFrames::Responses(_)
            | ClientFrames::Gemini(_)
            | ClientFrames::GeminiArray(..) => None,
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

    /// What keeps a connection alive in a dialect that has no event for it.
    fn ping_without_event(&self, out: &mut BytesMut) -> bool {
        match self {
            ClientFrames::Messages(_) => return false,
            ClientFrames::Chat(_) | ClientFrames::Responses(_) => {
                out.extend_from_slice(b": ping\n\n");
            }
            // google-genai 3.6 for Python takes a comment for an error's text
            ClientFrames::Gemini(_) => out.extend_from_slice(b"\n\n"),
            ClientFrames::GeminiArray(_, array) => array.ping(out),
        }
        true
    }

    /// The same frames as name and JSON, for a client that gets the whole answer at once. A dialect
    /// without event names has empty ones.
    pub fn json(&mut self, provider_event: &ProviderEvent, visit: &mut dyn FnMut(&str, &[u8])) {
        match self {
            ClientFrames::Messages(frames) => frames.json(provider_event, visit),
            ClientFrames::Chat(frames) => frames.json(provider_event, visit),
            ClientFrames::Responses(frames) => frames.json(provider_event, visit),
            ClientFrames::Gemini(frames) | ClientFrames::GeminiArray(frames, _) => {
                frames.json(provider_event, visit)
            }
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
            ClientFrames::Gemini(_) => {
                write_frame("", error.json(ClientDialect::Gemini).as_bytes(), out)
            }
            ClientFrames::GeminiArray(_, array) => {
                array.element(error.json(ClientDialect::Gemini).as_bytes(), out);
                array.end(out);
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
    Gemini(GeminiResponse),
}

impl WholeAnswer {
    /// An empty one, in the dialect of this client.
    pub fn of(client: &Client) -> Self {
        match client {
            Client::Messages(_) => WholeAnswer::Messages(AnthropicMessage::default()),
            Client::Chat(_) => WholeAnswer::Chat(ChatCompletion::default()),
            Client::Responses(_) => WholeAnswer::Responses(ResponseObject::default()),
            Client::Inference => WholeAnswer::Inference(ChatCompletion::default()),
            Client::Gemini(_) => WholeAnswer::Gemini(GeminiResponse::default()),
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
            WholeAnswer::Gemini(response) => response.add(data),
        }
    }

    /// The body of the answer.
    pub fn into_json(self) -> Vec<u8> {
        match self {
            WholeAnswer::Messages(message) => message.into_json(),
            WholeAnswer::Chat(completion) => completion.into_value().to_string().into_bytes(),
            WholeAnswer::Responses(response) => response.into_value().to_string().into_bytes(),
            WholeAnswer::Gemini(response) => response.into_value().to_string().into_bytes(),
            WholeAnswer::Inference(completion) => {
                flat(&completion.into_value()).to_string().into_bytes()
            }
        }
    }
}
