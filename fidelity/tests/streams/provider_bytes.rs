//! A script as the bytes that a provider writes, in any of the ways that its dialect leaves open.
//! The scripted provider writes them; it shares no code with the wire crate.

use ainfera_mock::chat::habits::{
    CallIdentity, CallIndex, CallOpening, Comments, Habits, StreamEnding, UsagePlace,
};
use ainfera_mock::frames::{Frames, Markers, Rendering};
use ainfera_mock::gemini::habits::{CallIds, Habits as GeminiHabits, UsagePlace as GeminiUsage};
use ainfera_mock::request::StreamUsage;
use ainfera_mock::responses::Reasoning;
use ainfera_mock::script::Script;
use ainfera_mock::{anthropic, chat, gemini, responses};
use proptest::prelude::*;

/// How the lines of a stream end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnds {
    AsWritten,
    CarriageReturns,
}

const RENDERING: Rendering<'_> =
    Rendering { tag: "1", model: "their-model", created_s: 1, pad: 0, markers: Markers::Off };

pub fn of_anthropic(script: &Script, ends: LineEnds) -> Vec<u8> {
    bytes(&anthropic::frames(script, &RENDERING), ends)
}

pub fn of_chat(script: &Script, habits: Habits, ends: LineEnds) -> Vec<u8> {
    bytes(&chat::frames(script, &RENDERING, StreamUsage::Included, habits), ends)
}

pub fn of_responses(script: &Script, ends: LineEnds) -> Vec<u8> {
    bytes(&responses::frames(script, &RENDERING, Reasoning::Shown), ends)
}

pub fn of_gemini(script: &Script, habits: GeminiHabits) -> Vec<u8> {
    bytes(&gemini::frames(script, &RENDERING, habits), LineEnds::AsWritten)
}

/// A line end inside JSON is escaped, so every one here is the stream's.
fn bytes(frames: &Frames, ends: LineEnds) -> Vec<u8> {
    let bytes = frames.iter().flat_map(|frame| frame.bytes);
    let written = |byte: &u8| match (byte, ends) {
        (b'\n', LineEnds::CarriageReturns) => b"\r\n".to_vec(),
        _ => vec![*byte],
    };
    bytes.flat_map(written).collect()
}

pub fn line_ends() -> impl Strategy<Value = LineEnds> {
    prop::sample::select(vec![LineEnds::AsWritten, LineEnds::CarriageReturns])
}

pub fn chat_habits() -> impl Strategy<Value = Habits> {
    use prop::sample::select;
    (
        select(vec![CallIndex::FromZero, CallIndex::FromOne, CallIndex::Missing]),
        select(vec![CallIdentity::InFirstPiece, CallIdentity::InEveryPiece]),
        select(vec![CallOpening::WithoutArguments, CallOpening::WithArguments]),
        select(vec![UsagePlace::OwnChunk, UsagePlace::WithFinishReason, UsagePlace::InXGroq]),
        select(vec![StreamEnding::Done, StreamEnding::Silent]),
        select(vec![Comments::Never, Comments::BeforeEveryChunk]),
    )
        .prop_map(|(call_index, call_identity, call_opening, usage, ending, comments)| {
            Habits { call_index, call_identity, call_opening, usage, ending, comments }
        })
}

pub fn gemini_habits() -> impl Strategy<Value = GeminiHabits> {
    use prop::sample::select;
    let ids = select(vec![CallIds::Omitted, CallIds::Written]);
    let usage = select(vec![GeminiUsage::LastEvent, GeminiUsage::EveryEvent]);
    (ids, usage).prop_map(|(call_ids, usage)| GeminiHabits { call_ids, usage })
}
