//! Anthropic's event stream, read: each event in our words and, as it came, for a client of the
//! same dialect.

use ainfera_schema::{Served, ServerTool, TokenUsage, ToolUses};
use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::codec::json::Text;
use crate::codec::lenient::{Lenient, SaidTier};
use crate::codec::sse::SseEvent;
use crate::error::provider_error::{FaultKind, Lack, fault_in_stream};
use crate::error::stream_fault::StreamFault;
use crate::event::{
    Block, Delta, Native, ProviderEvent, RelayMode, Stop, StopReason, StreamEvent,
    estimated_output_tokens,
};
use crate::passthrough::messages::{delta_with_usage, renamed_start};
use crate::provider::anthropic::complete_start;

/// Checks the order of events while it reads them.
#[derive(Debug)]
pub struct AnthropicReader {
    /// What the client shall see as the model's name.
    model: String,
    relay: RelayMode,
    /// Stands in until the provider has counted.
    estimated_input_tokens: u64,
    phase: Phase,
    usage: TokenUsage,
    text_bytes: usize,
    /// The open block is one that only Anthropic has: its arguments are none that another client
    /// could act upon.
    in_other: bool,
    /// Arguments that stood complete in the start of the open block; pieces that follow say the
    /// same again.
    complete_input: Option<ByteString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    BeforeStart,
    /// Nothing of the answer has been said.
    Started,
    BetweenBlocks,
    InBlock,
    /// The stop reason is known.
    Finished,
    Ended,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    message: Option<StartMessage<'a>>,
    #[serde(borrow)]
    content_block: Option<FrameBlock<'a>>,
    #[serde(borrow)]
    delta: Option<FrameDelta<'a>>,
    usage: Option<FrameUsage>,
    #[serde(borrow)]
    error: Option<FrameError<'a>>,
}

#[derive(Deserialize)]
struct StartMessage<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    usage: Option<FrameUsage>,
}

#[derive(Deserialize)]
struct FrameBlock<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct FrameDelta<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    thinking: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    partial_json: Option<Text<'a>>,
    #[serde(borrow)]
    stop_reason: Option<Text<'a>>,
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct FrameUsage {
    input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
    #[serde(default)]
    server_tool_use: Lenient<ServerToolUse>,
    #[serde(default)]
    service_tier: SaidTier,
    #[serde(default)]
    speed: Lenient<SaidSpeed>,
    #[serde(default)]
    inference_geo: Lenient<SaidGeo>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct ServerToolUse {
    #[serde(default)]
    web_search_requests: Lenient<u64>,
    #[serde(default)]
    web_fetch_requests: Lenient<u64>,
    #[serde(default)]
    code_execution_requests: Lenient<u64>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SaidSpeed {
    Standard,
    Fast,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum SaidGeo {
    Global,
    Us,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Deserialize, Default, Clone, Copy)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct FrameError<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

impl AnthropicReader {
    /// `model` is the name that the client shall see.
    pub fn new(relay: RelayMode, model: &str, estimated_input_tokens: u64) -> Self {
        let (phase, usage) = (Phase::BeforeStart, TokenUsage::default());
        Self {
            model: model.to_owned(),
            relay,
            estimated_input_tokens,
            phase,
            usage,
            text_bytes: 0,
            in_other: false,
            complete_input: None,
        }
    }

    /// Reads one event.
    pub fn read(
        &mut self,
        event: SseEvent,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::Ended {
            return Ok(());
        }
        let data = event.data;
        let frame: Frame<'_> = serde_json::from_slice(&data)
            .map_err(|error| StreamFault::malformed(format!("event is not JSON: {error}")))?;
        let name = event_name(&frame.kind, &data)?;
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(&data)).unwrap_or_default();
        let mut native = data.clone();
        let event = match &*frame.kind {
            "message_start" => {
                if self.phase == Phase::Started {
                    // said twice before anything else: clients may hear it once
                    self.fold(frame.message.and_then(|message| message.usage).unwrap_or_default());
                    return Ok(());
                }
                let complete = complete_start::events(&data)?;
                if !complete.is_empty() {
                    return complete.into_iter().try_for_each(|event| self.read(event, out));
                }
                self.step(&[Phase::BeforeStart], Phase::Started, "message_start")?;
                let message = frame
                    .message
                    .ok_or_else(|| StreamFault::malformed("message_start without a message"))?;
                self.fold(message.usage.unwrap_or_default());
                let estimate =
                    TokenUsage { input_tokens: self.estimated_input_tokens, ..self.usage };
                native = renamed_start(
                    &data,
                    &self.model,
                    (self.usage.prompt_tokens() == 0).then_some(&estimate),
                )?;
                StreamEvent::Start {
                    upstream_id: message.id.map(|id| id.shared(&data)),
                    usage: self.usage,
                }
            }
            "content_block_start" => {
                self.step(
                    &[Phase::Started, Phase::BetweenBlocks],
                    Phase::InBlock,
                    "content_block_start",
                )?;
                let block = frame
                    .content_block
                    .ok_or_else(|| StreamFault::malformed("content_block_start without a block"))?;
                let (said, block) = match &*block.kind {
                    "text" => (Some(Delta::Text(text(block.text))), Block::Text),
                    "thinking" => (Some(Delta::Thinking(text(block.thinking))), Block::Thinking),
                    "tool_use" => {
                        self.complete_input = block
                            .input
                            .map(RawValue::get)
                            .filter(|input| *input != "{}")
                            .map(ByteString::from);
                        (None, Block::ToolUse { id: text(block.id), name: text(block.name) })
                    }
                    _ => (None, Block::Other),
                };
                self.in_other = block == Block::Other;
                out.push(self.heard(StreamEvent::BlockStart(block), name, native));
                // what its start says of it; a native client has read it there
                if let Some(said) = said.filter(|said| said.text_bytes() > 0) {
                    self.text_bytes += said.text_bytes();
                    self.also(said, out);
                }
                return Ok(());
            }
            "content_block_delta" => {
                self.step(&[Phase::InBlock], Phase::InBlock, "content_block_delta")?;
                let delta = frame
                    .delta
                    .ok_or_else(|| StreamFault::malformed("content_block_delta without a delta"))?;
                let delta = match delta.kind.as_deref() {
                    Some("text_delta") => Delta::Text(text(delta.text)),
                    Some("thinking_delta") => Delta::Thinking(text(delta.thinking)),
                    Some("signature_delta") => Delta::Signature(text(delta.signature)),
                    Some("input_json_delta") => Delta::ToolInput(text(delta.partial_json)),
                    _ => Delta::Other,
                };
                self.text_bytes += delta.text_bytes();
                let delta = if self.in_other { Delta::Other } else { delta };
                if matches!(&delta, Delta::ToolInput(piece) if !piece.is_empty()) {
                    self.complete_input = None;
                }
                StreamEvent::Delta(delta)
            }
            "content_block_stop" => {
                self.step(&[Phase::InBlock], Phase::BetweenBlocks, "content_block_stop")?;
                if let Some(input) = self.complete_input.take() {
                    self.also(Delta::ToolInput(input), out);
                }
                StreamEvent::BlockStop
            }
            "message_delta" => return self.message_delta(frame, name, data.clone(), out),
            "message_stop" => {
                self.step(&[Phase::Finished], Phase::Ended, "message_stop")?;
                StreamEvent::End
            }
            "ping" => StreamEvent::Ping,
            "error" => return Err(fault(frame.error)),
            _ => StreamEvent::Other,
        };
        out.push(self.heard(event, name, native));
        Ok(())
    }

    /// A piece that the provider said in another place than where pieces are said.
    fn also(&self, delta: Delta, out: &mut Vec<ProviderEvent>) {
        if self.relay == RelayMode::Translated {
            out.push(ProviderEvent::translated(StreamEvent::Delta(delta)));
        }
    }

    fn heard(&self, event: StreamEvent, name: ByteString, data: Bytes) -> ProviderEvent {
        match self.relay {
            RelayMode::Native => ProviderEvent { event, native: Some(Native { name, data }) },
            RelayMode::Translated => ProviderEvent::translated(event),
        }
    }

    /// The bytes are over. With the stop reason known the answer is whole, and only its last word
    /// is missing.
    pub fn finish(&mut self, out: &mut Vec<ProviderEvent>) -> Result<(), StreamFault> {
        match self.phase {
            Phase::Ended => Ok(()),
            Phase::Finished => {
                self.phase = Phase::Ended;
                let (name, data) = (
                    ByteString::from_static("message_stop"),
                    Bytes::from_static(b"{\"type\":\"message_stop\"}"),
                );
                out.push(self.heard(StreamEvent::End, name, data));
                Ok(())
            }
            Phase::BeforeStart | Phase::Started | Phase::BetweenBlocks | Phase::InBlock => {
                Err(StreamFault::Truncated)
            }
        }
    }

    /// An answer cut by `max_tokens` inside a tool call may leave its block open; and there may be
    /// several of these events.
    fn message_delta(
        &mut self,
        frame: Frame<'_>,
        name: ByteString,
        data: Bytes,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        if self.phase == Phase::BeforeStart {
            return Err(StreamFault::malformed("message_delta before message_start"));
        }
        self.fold(frame.usage.unwrap_or_default());
        let mut native = data.clone();
        if frame.usage.is_none_or(|usage| usage.output_tokens.is_none()) {
            let counted = self.usage.prompt_tokens() > 0;
            let input_tokens =
                if counted { self.usage.input_tokens } else { self.estimated_input_tokens };
            let output_tokens = estimated_output_tokens(self.text_bytes);
            native =
                delta_with_usage(&data, &TokenUsage { input_tokens, output_tokens, ..self.usage })?;
        }
        let delta = frame.delta.as_ref();
        let event = match delta.and_then(|delta| delta.stop_reason.as_ref()) {
            Some(reason) => {
                self.phase = Phase::Finished;
                let sequence = delta
                    .and_then(|delta| delta.stop_sequence.as_ref())
                    .map(|sequence| sequence.shared(&data));
                let word = reason.shared(&data);
                StreamEvent::Finish {
                    stop: Stop { reason: StopReason::parse(&word), sequence, word: Some(word) },
                    usage: self.usage,
                }
            }
            None => StreamEvent::Other,
        };
        out.push(self.heard(event, name, native));
        Ok(())
    }

    fn step(&mut self, from: &[Phase], to: Phase, what: &str) -> Result<(), StreamFault> {
        if !from.contains(&self.phase) {
            return Err(StreamFault::malformed(format!("{what} out of order")));
        }
        self.phase = to;
        Ok(())
    }

    /// Figures are cumulative: the highest of each is the last.
    fn fold(&mut self, usage: FrameUsage) {
        let highest = |known: &mut u64, said: Option<u64>| *known = (*known).max(said.unwrap_or(0));
        highest(&mut self.usage.input_tokens, usage.input_tokens);
        highest(&mut self.usage.cache_read_input_tokens, usage.cache_read_input_tokens);
        highest(&mut self.usage.cache_creation_input_tokens, usage.cache_creation_input_tokens);
        if let Some(kept) = usage.cache_creation {
            let (minutes, hour) =
                (kept.ephemeral_5m_input_tokens.unwrap_or(0), kept.ephemeral_1h_input_tokens);
            highest(&mut self.usage.cache_creation_1h_input_tokens, hour);
            highest(&mut self.usage.cache_creation_input_tokens, Some(minutes + hour.unwrap_or(0)));
        }
        highest(&mut self.usage.output_tokens, usage.output_tokens);
        highest(
            &mut self.usage.thinking_tokens,
            usage.output_tokens_details.and_then(|details| details.thinking_tokens),
        );
        if let Some(tools) = usage.server_tool_use.0 {
            let mut uses = ToolUses::NONE;
            uses.add(ServerTool::WebSearch, tools.web_search_requests.uses());
            uses.add(ServerTool::WebFetch, tools.web_fetch_requests.uses());
            uses.add(ServerTool::CodeExecution, tools.code_execution_requests.uses());
            self.usage.tool_uses = self.usage.tool_uses.max(uses);
        }
        let said = Served {
            tier: usage.service_tier.0,
            fast: usage.speed.0.map(|speed| speed == SaidSpeed::Fast),
            us_only: usage.inference_geo.0.map(|geo| geo == SaidGeo::Us),
        };
        self.usage.served = self.usage.served.and_then(said);
    }
}

/// The name under which a native event goes out: the `type` of its data, if it is made of
/// `[a-z_.]`.
fn event_name(kind: &Text<'_>, data: &Bytes) -> Result<ByteString, StreamFault> {
    let legal = !kind.is_empty()
        && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
    if legal {
        Ok(kind.shared(data))
    } else {
        Err(StreamFault::malformed("event with an illegal type"))
    }
}

fn fault(error: Option<FrameError<'_>>) -> StreamFault {
    let message =
        error.as_ref().and_then(|error| error.message).map_or("provider error", RawValue::get);
    let message =
        serde_json::from_str(message).unwrap_or_else(|_| message.trim_matches('"').to_owned());
    let by_words =
        || fault_in_stream(json!({"error": {"message": message}}).to_string().as_bytes()).kind;
    let kind = match error.as_ref().and_then(|error| error.kind.as_deref()) {
        Some("overloaded_error") => FaultKind::Overloaded,
        Some("rate_limit_error") => FaultKind::RateLimited,
        Some("authentication_error" | "permission_error") => FaultKind::KeyRefused,
        Some("billing_error") => FaultKind::OutOfFunds,
        Some("not_found_error") => FaultKind::NoSuchModel,
        Some("request_too_large") => FaultKind::ModelLacks(Lack::Window),
        Some("invalid_request_error") => match by_words() {
            kind @ (FaultKind::ModelLacks(_) | FaultKind::OutOfFunds) => kind,
            _ => FaultKind::InvalidRequest,
        },
        _ => FaultKind::Api,
    };
    StreamFault::ErrorEvent { kind, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(datas: &[&str]) -> (Vec<ProviderEvent>, Result<(), StreamFault>) {
        let mut reader = AnthropicReader::new(RelayMode::Native, "the-slug", 9);
        let mut out = Vec::new();
        for data in datas {
            let event =
                SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) };
            if let Err(fault) = reader.read(event, &mut out) {
                return (out, Err(fault));
            }
        }
        let end = reader.finish(&mut out);
        (out, end)
    }

    const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","model":"upstream","x":1,"usage":{"input_tokens":12,"cache_read_input_tokens":3,"output_tokens":1}}}"#;
    const TEXT: &str =
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
    const HI: &str = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"h\u0069"}}"#;
    const STOP: &str = r#"{"type":"content_block_stop","index":0}"#;
    const DELTA: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":7}}"#;
    const END: &str = r#"{"type":"message_stop"}"#;

    #[test]
    fn a_whole_answer_is_read_and_kept() {
        let (out, end) = read(&[START, TEXT, r#"{"type":"ping"}"#, HI, STOP, DELTA, END]);
        assert_eq!(end, Ok(()));
        let usage = TokenUsage {
            input_tokens: 12,
            cache_read_input_tokens: 3,
            output_tokens: 7,
            ..TokenUsage::default()
        };
        assert_eq!(out[3].event, StreamEvent::Delta(Delta::Text("hi".into())));
        assert_eq!(out[3].native.as_ref().unwrap().data, HI.as_bytes());
        assert_eq!(
            out[5].event,
            StreamEvent::Finish {
                stop: Stop {
                    reason: StopReason::EndTurn,
                    sequence: None,
                    word: Some("end_turn".into())
                },
                usage
            }
        );
        assert_eq!(out[6].event, StreamEvent::End);
        let start = String::from_utf8(out[0].native.as_ref().unwrap().data.to_vec()).unwrap();
        assert!(start.contains(r#""model":"the-slug""#) && start.contains(r#""x":1"#), "{start}");
    }

    #[test]
    fn p054_usage_is_the_highest_of_each_count_and_an_hour_is_told_from_minutes() {
        let start = r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":43,"cache_creation_input_tokens":300,"cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":200},"output_tokens":2}}}"#;
        let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":61,"cache_creation_input_tokens":300,"output_tokens":7}}"#;
        let (out, end) = read(&[start, delta, END]);
        assert_eq!(end, Ok(()));
        let StreamEvent::Finish { usage, .. } = out[1].event else { panic!("{out:?}") };
        let expected = TokenUsage {
            input_tokens: 61,
            cache_creation_input_tokens: 300,
            cache_creation_1h_input_tokens: 200,
            output_tokens: 7,
            ..TokenUsage::default()
        };
        assert_eq!(usage, expected);
    }

    #[test]
    fn p036_an_end_of_bytes_is_not_success_unless_the_stop_reason_came() {
        assert_eq!(read(&[START, TEXT, HI]).1, Err(StreamFault::Truncated));
        assert_eq!(read(&[]).1, Err(StreamFault::Truncated));
        let (out, end) = read(&[START, TEXT, HI, STOP, DELTA]);
        assert_eq!(end, Ok(()));
        assert_eq!(out.last().unwrap().event, StreamEvent::End);
    }

    #[test]
    fn disorder_is_refused() {
        for datas in [
            &[START, TEXT, START][..],
            &[TEXT],
            &[START, HI],
            &[START, TEXT, TEXT],
            &[START, STOP],
            &[DELTA],
            &[START, END],
        ] {
            assert!(matches!(read(datas).1, Err(StreamFault::Malformed(_))), "{datas:?}");
        }
        assert!(matches!(read(&[START, "{\"type\":\"a\\nb\"}"]).1, Err(StreamFault::Malformed(_))));
        assert!(matches!(read(&[START, "<html>"]).1, Err(StreamFault::Malformed(_))));
    }

    #[test]
    fn a_start_that_is_said_twice_is_heard_once() {
        let (out, end) = read(&[START, START, TEXT, HI, STOP, DELTA, END]);
        assert_eq!(end, Ok(()));
        assert_eq!(
            out.iter().filter(|out| matches!(out.event, StreamEvent::Start { .. })).count(),
            1
        );
    }

    #[test]
    fn what_stands_complete_in_a_start_is_said_to_a_client_of_another_dialect() {
        let mut reader = AnthropicReader::new(RelayMode::Translated, "the-slug", 5);
        let mut out = Vec::new();
        let whole = r#"{"type":"message_start","message":{"id":"m","content":[{"type":"text","text":"hi"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}}"#;
        for data in [whole, END] {
            reader
                .read(
                    SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) },
                    &mut out,
                )
                .unwrap();
        }
        let said: Vec<StreamEvent> = out.into_iter().map(|out| out.event).collect();
        assert_eq!(
            said[1..7],
            [
                StreamEvent::BlockStart(Block::Text),
                StreamEvent::Delta(Delta::Text("hi".into())),
                StreamEvent::BlockStop,
                StreamEvent::BlockStart(Block::ToolUse { id: "t".into(), name: "f".into() }),
                StreamEvent::Delta(Delta::ToolInput("{\"a\":1}".into())),
                StreamEvent::BlockStop,
            ]
        );
        assert_eq!(said.last(), Some(&StreamEvent::End));
    }

    #[test]
    fn arguments_of_a_server_tool_are_no_call_of_the_clients() {
        let server = r#"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}}"#;
        let piece = r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}}"#;
        let (out, _) = read(&[START, server, piece, STOP]);
        assert_eq!(out[1].event, StreamEvent::BlockStart(Block::Other));
        assert_eq!(out[2].event, StreamEvent::Delta(Delta::Other));
    }

    #[test]
    fn an_error_inside_the_stream_is_an_error() {
        let (_, end) = read(&[
            START,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        ]);
        assert_eq!(
            end,
            Err(StreamFault::ErrorEvent {
                kind: FaultKind::Overloaded,
                message: "Overloaded".to_owned()
            })
        );
    }

    #[test]
    fn what_is_new_passes_through() {
        let (out, _) = read(&[
            START,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"hologram","data":1}}"#,
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"beam_delta","beam":2}}"#,
            STOP,
            r#"{"type":"weather.changed"}"#,
        ]);
        assert_eq!(out[1].event, StreamEvent::BlockStart(Block::Other));
        assert_eq!(out[2].event, StreamEvent::Delta(Delta::Other));
        assert_eq!(out[4].event, StreamEvent::Other);
        assert_eq!(out[4].native.as_ref().unwrap().name, "weather.changed");
    }
}
