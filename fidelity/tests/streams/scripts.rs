//! Random answers as scripts of the scripted provider, and what a client must make of them.

use ainfera_fidelity::answer::{Answer, Ending, ToolCall, Usage};
use ainfera_mock::script::{self, Call, CallOrder, Part, Reported, Script};
use ainfera_schema::TokenUsage;
use ainfera_wire::event::{Block, Delta, Stop, StopReason, StreamEvent};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The answer that the script is, in Anthropic's words.
pub fn answer_of(script: &Script) -> Answer {
    let call = |call: &Call| ToolCall::new(&call.id, &call.name, &call.arguments());
    Answer {
        text: script.text().concat(),
        reasoning: script.thinking().concat(),
        calls: script.calls().map(call).collect(),
        ending: Ending::Stopped(stop_word(script).to_owned()),
        usage: Some(Usage {
            input: script.usage.input,
            cache_read: script.usage.cache_read,
            cache_write: script.usage.cache_creation,
            output: script.usage.output,
            reasoning: script.usage.reasoning,
        }),
        ..Answer::default()
    }
}

fn stop_word(script: &Script) -> &'static str {
    match script.stop {
        script::Stop::EndTurn => "end_turn",
        script::Stop::MaxTokens => "max_tokens",
        script::Stop::StopSequence(_) => "stop_sequence",
        script::Stop::ToolUse => "tool_use",
        script::Stop::Refusal => "refusal",
    }
}

/// The script as events of the wire crate, without a provider's dialect between.
pub fn events_of(script: &Script) -> Vec<StreamEvent> {
    let usage = TokenUsage {
        input_tokens: script.usage.input,
        cache_read_input_tokens: script.usage.cache_read,
        cache_creation_input_tokens: script.usage.cache_creation,
        output_tokens: script.usage.output,
        thinking_tokens: script.usage.reasoning,
        ..TokenUsage::default()
    };
    let mut events = vec![StreamEvent::Start { upstream_id: None, usage: TokenUsage::default() }];
    for part in &script.parts {
        let (block, deltas): (Block, Vec<Delta>) = match part {
            Part::Text(pieces) => {
                (Block::Text, pieces.iter().map(|piece| Delta::Text(piece[..].into())).collect())
            }
            Part::Thinking(pieces) => {
                let deltas = pieces.iter().map(|piece| Delta::Thinking(piece[..].into()));
                (Block::Thinking, deltas.collect())
            }
            Part::Call(call) => {
                let (id, name) = (call.id[..].into(), call.name[..].into());
                let deltas = call.pieces.iter().map(|piece| Delta::ToolInput(piece[..].into()));
                (Block::ToolUse { id, name }, deltas.collect())
            }
        };
        events.push(StreamEvent::BlockStart(block));
        events.extend(deltas.into_iter().map(StreamEvent::Delta));
        events.push(StreamEvent::Ping);
        events.push(StreamEvent::BlockStop);
    }
    let reason = match stop_word(script) {
        "max_tokens" => StopReason::MaxTokens,
        "tool_use" => StopReason::ToolUse,
        "end_turn" => StopReason::EndTurn,
        "refusal" => StopReason::Refusal,
        other => panic!("no answer ends as {other}"),
    };
    events.push(StreamEvent::Finish { stop: Stop { reason, sequence: None, word: None }, usage });
    events.push(StreamEvent::End);
    events
}

/// A script of these texts, each a block of its own.
pub fn of_texts(texts: &[&str]) -> Script {
    let text = |text: &&str| Part::Text(vec![(*text).to_owned()]);
    Script {
        parts: texts.iter().map(text).collect(),
        call_order: CallOrder::OneByOne,
        stop: script::Stop::EndTurn,
        usage: script::Usage { input: 7, cache_read: 3, output: 11, ..script::Usage::default() },
    }
}

/// Any script that a provider of any dialect can write.
pub fn scripts() -> impl Strategy<Value = Script> {
    let stop = prop::sample::select(vec![
        script::Stop::EndTurn,
        script::Stop::EndTurn,
        script::Stop::MaxTokens,
        script::Stop::Refusal,
    ]);
    let usage = (1u64..10_000, 0u64..10_000, 1u64..10_000, 0u64..100).prop_map(
        |(input, cache_read, output, reasoning)| script::Usage {
            input,
            cache_read,
            cache_creation: 0,
            output: output + reasoning,
            reasoning,
            reported: Reported::Yes,
        },
    );
    let order = prop::sample::select(vec![CallOrder::OneByOne, CallOrder::Interleaved]);
    (prop::collection::vec(part(), 0..6), stop, usage, order).prop_map(
        |(parts, stop, usage, call_order)| {
            let mut script = Script { parts, call_order, stop, usage };
            for (position, part) in script.parts.iter_mut().enumerate() {
                if let Part::Call(call) = part {
                    call.id = format!("call_number_{position}");
                }
            }
            if script.stop == script::Stop::EndTurn && script.calls().next().is_some() {
                script.stop = script::Stop::ToolUse;
            }
            script
        },
    )
}

fn part() -> impl Strategy<Value = Part> {
    let piece = prop_oneof![
        3 => "[a-zäöü漢🦀 \\n\\\\\"{}<>\u{0}\u{2028}]{1,12}".prop_map(|text| text),
        1 => "\\PC{1,20}"
    ];
    let texts = prop::collection::vec(piece, 1..5);
    prop_oneof![
        3 => texts.clone().prop_map(Part::Text),
        1 => texts.prop_map(Part::Thinking),
        3 => call().prop_map(Part::Call),
    ]
}

/// A call, whose id is written when its place is known.
fn call() -> impl Strategy<Value = Call> {
    let value = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(Value::Null)
    ];
    let arguments =
        prop::collection::btree_map("[a-z]{1,6}", value, 0..4).prop_map(|members| json!(members));
    ("[a-zA-Z0-9_-]{1,20}", arguments, 0usize..20).prop_map(|(name, arguments, piece_bytes)| Call {
        id: String::new(),
        name,
        pieces: pieces(&arguments, piece_bytes),
    })
}

/// Arguments as text, in pieces of about so many bytes. Empty arguments have no piece, or the
/// pieces of `{}`.
fn pieces(arguments: &Value, piece_bytes: usize) -> Vec<String> {
    if *arguments == json!({}) && piece_bytes > 10 {
        return Vec::new();
    }
    let mut pieces = vec![String::new()];
    for letter in arguments.to_string().chars() {
        if pieces.last().is_some_and(|piece| piece.len() > piece_bytes) {
            pieces.push(String::new());
        }
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces
}
