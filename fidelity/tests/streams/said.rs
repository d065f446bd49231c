//! A random answer, before anybody says it in a dialect.

use ainfera_fidelity::answer::{Answer, Ending, ToolCall, Usage};
use ainfera_schema::TokenUsage;
use ainfera_wire::event::Block;
use ainfera_wire::{Delta, Stop, StopReason, StreamEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub enum Said {
    Text(Vec<String>),
    Thought(Vec<String>),
    Call { name: String, arguments: Value, piece_bytes: usize },
}

#[derive(Debug, Clone)]
pub struct Spoken {
    pub said: Vec<Said>,
    /// Were there no calls.
    pub stop: &'static str,
    pub usage: Usage,
}

impl Spoken {
    pub fn of(said: Vec<Said>) -> Self {
        let usage = Usage { input: 7, cache_read: 3, cache_write: 0, output: 11, reasoning: 0 };
        Self { said, stop: "end_turn", usage }
    }

    /// `tool_use` if there are calls and nothing cut the answer.
    pub fn stop(&self) -> &'static str {
        let has_calls = self.said.iter().any(|said| matches!(said, Said::Call { .. }));
        if has_calls && self.stop == "end_turn" { "tool_use" } else { self.stop }
    }

    /// Calls are numbered in their order.
    pub fn call_id(nth: usize) -> String {
        format!("call_number_{nth}")
    }

    pub fn answer(&self) -> Answer {
        let mut answer = Answer {
            ending: Ending::Stopped(self.stop().to_owned()),
            usage: Some(self.usage),
            ..Answer::default()
        };
        for said in &self.said {
            match said {
                Said::Text(pieces) => answer.text.push_str(&pieces.concat()),
                Said::Thought(pieces) => answer.reasoning.push_str(&pieces.concat()),
                Said::Call { name, arguments, .. } => {
                    let id = Self::call_id(answer.calls.len());
                    answer.calls.push(ToolCall {
                        id,
                        name: name.clone(),
                        arguments: arguments.clone(),
                    });
                }
            }
        }
        answer
    }

    pub fn events(&self) -> Vec<StreamEvent> {
        let Usage { input, cache_read, cache_write, output, reasoning } = self.usage;
        let usage = TokenUsage {
            input_tokens: input,
            cache_read_input_tokens: cache_read,
            cache_creation_input_tokens: cache_write,
            output_tokens: output,
            thinking_tokens: reasoning,
            ..TokenUsage::default()
        };
        let mut events =
            vec![StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() }];
        let mut calls = 0;
        for said in &self.said {
            match said {
                Said::Text(pieces) => {
                    events.push(StreamEvent::BlockStart(Block::Text));
                    events.extend(
                        pieces
                            .iter()
                            .map(|piece| StreamEvent::Delta(Delta::Text(piece.as_str().into()))),
                    );
                }
                Said::Thought(pieces) => {
                    events.push(StreamEvent::BlockStart(Block::Thinking));
                    events.extend(
                        pieces.iter().map(|piece| {
                            StreamEvent::Delta(Delta::Thinking(piece.as_str().into()))
                        }),
                    );
                }
                Said::Call { name, arguments, piece_bytes } => {
                    events.push(StreamEvent::BlockStart(Block::ToolUse {
                        id: Self::call_id(calls).into(),
                        name: name.as_str().into(),
                    }));
                    events.extend(
                        pieces(arguments, *piece_bytes).iter().map(|piece| {
                            StreamEvent::Delta(Delta::ToolInput(piece.as_str().into()))
                        }),
                    );
                    calls += 1;
                }
            }
            events.push(StreamEvent::Ping);
            events.push(StreamEvent::BlockStop);
        }
        let reason = StopReason::parse(&self.stop().into());
        events
            .push(StreamEvent::Finish { stop: Stop { reason, sequence: None, word: None }, usage });
        events.push(StreamEvent::End);
        events
    }
}

/// Arguments as text, in pieces of about so many bytes.
pub fn pieces(arguments: &Value, piece_bytes: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for letter in arguments.to_string().chars() {
        if pieces.last().unwrap().len() >= piece_bytes {
            pieces.push(String::new());
        }
        pieces.last_mut().unwrap().push(letter);
    }
    pieces
}

pub fn spoken() -> impl Strategy<Value = Spoken> {
    let stop = prop::sample::select(vec!["end_turn", "end_turn", "max_tokens", "refusal"]);
    let usage = (1u64..10_000, 0u64..10_000, 1u64..10_000, 0u64..100).prop_map(
        |(input, cache_read, output, reasoning)| Usage {
            input,
            cache_read,
            cache_write: 0,
            output: output + reasoning,
            reasoning,
        },
    );
    (prop::collection::vec(said(), 0..6), stop, usage).prop_map(|(said, stop, usage)| Spoken {
        said,
        stop,
        usage,
    })
}

fn said() -> impl Strategy<Value = Said> {
    let piece = prop_oneof![3 => "[a-zäöü漢🦀 \\n\\\\\"{}<>\u{0}\u{2028}]{1,12}".prop_map(|text| text), 1 => "\\PC{1,20}"];
    let texts = prop::collection::vec(piece, 1..5);
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::Null)
    ];
    let arguments =
        prop::collection::btree_map("[a-z]{1,6}", value, 0..4).prop_map(|members| json!(members));
    prop_oneof![
        3 => texts.clone().prop_map(Said::Text),
        1 => texts.prop_map(Said::Thought),
        3 => ("[a-zA-Z0-9_-]{1,20}", arguments, 1usize..20).prop_map(|(name, arguments, piece_bytes)| Said::Call { name, arguments, piece_bytes }),
    ]
}
