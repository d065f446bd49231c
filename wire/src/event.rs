//! What a provider says, in words of our own: the language between provider dialects and client
//! dialects.
//!
//! One answer is `Start`, then blocks one after the other (`BlockStart`, `Delta`s, `BlockStop`;
//! never two open at a time), then `Finish`, then `End`. Only `End` is success: the end of the
//! bytes is not.

use ainfera_schema::TokenUsage;
use bytes::Bytes;
use bytestring::ByteString;

pub use crate::oddity::Oddity;

/// One step of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamEvent {
    Start {
        upstream_id: Option<ByteString>,
        usage: TokenUsage,
    },
    BlockStart(Block),
    Delta(Delta),
    BlockStop,
    /// Why the answer ends, and what it used so far.
    Finish {
        stop: Stop,
        usage: TokenUsage,
    },
    /// The protocol's own last word.
    End,
    Ping,
    /// Text that the client does not hear, such as thoughts that it did not ask for: it is
    /// generated, so it is billed.
    HiddenReasoning {
        bytes: usize,
    },
    /// What the provider counted for an answer that does not end well. The fault follows.
    FailedUsage(TokenUsage),
    /// Something was odd and was read all the same. It is for operators, not for clients.
    Oddity(Oddity),
    /// Something that only the native client understands; it is passed on, not interpreted.
    Other,
}

/// A content block as it begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    Text,
    Thinking,
    ToolUse {
        id: ByteString,
        name: ByteString,
    },
    /// A block that is complete in its start event, or whose deltas only the native client
    /// understands.
    Other,
}

/// A piece of the open block.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    Text(ByteString),
    Thinking(ByteString),
    Signature(ByteString),
    /// A piece of the tool's arguments as JSON text; pieces may be cut anywhere.
    ToolInput(ByteString),
    Other,
}

impl Delta {
    /// Bytes of generated text in this piece.
    pub fn text_bytes(&self) -> usize {
        match self {
            Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text) => text.len(),
            Delta::Signature(_) | Delta::Other => 0,
        }
    }
}

/// What generated text that no provider counted is taken to be: a token for four bytes, never
/// nothing for something.
pub fn estimated_output_tokens(text_bytes: usize) -> u64 {
    text_bytes.div_ceil(4) as u64
}

/// What it cannot be more than, by any tokenizer that takes three bytes or more to a token: for
/// money that is held, not for a bill.
pub fn upper_output_tokens(text_bytes: usize) -> u64 {
    text_bytes.div_ceil(3) as u64
}

/// Why the model stopped, in Anthropic's words (which name more reasons than anybody else's).
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    pub reason: StopReason,
    pub sequence: Option<ByteString>,
    /// The provider's own word for it.
    pub word: Option<ByteString>,
}

/// A provider's word that is not known to be one of these is no good end, so the answer fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    EndTurn,
    MaxTokens,
    StopSequence,
    ToolUse,
    PauseTurn,
    Refusal,
    ContextWindowExceeded,
    /// The conversation was summarised, and its caller is to send the summary.
    Compaction,
}

impl StopReason {
    pub fn as_str(self) -> &'static str {
        match self {
            StopReason::EndTurn => "end_turn",
            StopReason::MaxTokens => "max_tokens",
            StopReason::StopSequence => "stop_sequence",
            StopReason::ToolUse => "tool_use",
            StopReason::PauseTurn => "pause_turn",
            StopReason::Refusal => "refusal",
            StopReason::ContextWindowExceeded => "model_context_window_exceeded",
            StopReason::Compaction => "compaction",
        }
    }
}

/// The event as it came, for a client that speaks the provider's dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Native {
    /// `[a-z_.]+`, checked.
    pub name: ByteString,
    /// JSON that has parsed.
    pub data: Bytes,
}

/// Whether a provider's events reach the client as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayMode {
    /// Provider and client speak the same dialect.
    Native,
    Translated,
}

/// An event, with its native form where provider and client speak the same dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderEvent {
    pub event: StreamEvent,
    /// An event of the provider may be several of ours: only one of them has it, and a client that
    /// gets it is not told the others.
    pub native: Option<Native>,
}

impl From<StreamEvent> for ProviderEvent {
    fn from(event: StreamEvent) -> Self {
        Self::translated(event)
    }
}

impl ProviderEvent {
    pub fn translated(event: StreamEvent) -> Self {
        Self { event, native: None }
    }

    /// Is this content that a client acts upon? The first one is the commit point: no failover
    /// after it.
    pub fn is_content(&self) -> bool {
        match &self.event {
            StreamEvent::BlockStart(block) => match block {
                Block::ToolUse { .. } | Block::Other => true,
                // an empty text block says nothing yet
                Block::Text | Block::Thinking => false,
            },
            StreamEvent::Delta(delta) => match delta {
                Delta::Text(text) | Delta::Thinking(text) | Delta::ToolInput(text) => {
                    !text.is_empty()
                }
                Delta::Signature(_) | Delta::Other => true,
            },
            StreamEvent::Start { .. }
            | StreamEvent::BlockStop
            | StreamEvent::Finish { .. }
            | StreamEvent::End
            | StreamEvent::Ping
            | StreamEvent::HiddenReasoning { .. }
            | StreamEvent::FailedUsage(_)
            | StreamEvent::Oddity(_)
            | StreamEvent::Other => false,
        }
    }
}
