//! Fragments of parallel tool calls, put in line: one call is open at a time, the others wait until
//! it is complete.
//!
//! Vendors key fragments by `index`, by a new `id`, or not at all; names and ids may be repeated or
//! missing.

use bytestring::ByteString;

use crate::event::{Block, Delta, ProviderEvent, StreamEvent};
use crate::provider::tool_names::ToolNames;
use crate::signature::{Issuer, marked};

/// One fragment of `delta.tool_calls`.
#[derive(Debug, Default, Clone)]
pub struct Fragment {
    pub index: Option<u64>,
    pub id: ByteString,
    pub name: ByteString,
    pub arguments: ByteString,
    /// What Gemini wants back with the call.
    pub signature: ByteString,
}

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FragmentPlace {
    Begins(usize),
    Continues(usize),
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub struct ToolCalls {
    calls: Vec<Call>,
    /// Calls before this one have been said to their end.
    open: usize,
    /// Makes ids for vendors that send none; unique within the gateway together with the request's
    /// own id.
    id_seed: String,
    tool_names: ToolNames,
    /// Those that the client has.
    ids: Vec<ByteString>,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    /// As the vendor sent it: later fragments may repeat it.
    id: ByteString,
    /// What the client gets in its place; decided once.
    shown_id: Option<ByteString>,
    name: ByteString,
    signature: ByteString,
    /// Fragments that wait until the tool call before theirs is complete.
    waiting: Vec<ByteString>,
    arguments: Nesting,
    said: bool,
}

impl ToolCalls {
    pub fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self { calls: Vec::new(), open: 0, id_seed, tool_names, ids: Vec::new() }
    }

    /// Has any call been said?
    pub fn any_emitted(&self) -> bool {
        self.calls.iter().any(|call| call.said)
    }

    /// Whether a tool call came without a name, so that it cannot be passed on.
    pub fn any_nameless(&self) -> bool {
        self.calls.iter().any(|call| call.name.is_empty())
    }

    /// Takes a fragment and says what can be said now. Tells which call of the answer it belongs
    /// to, and whether it begins it.
    pub fn add(&mut self, fragment: Fragment, out: &mut Vec<ProviderEvent>) -> FragmentPlace {
        let known = self.position(&fragment);
        let at = known.unwrap_or_else(|| {
            self.calls.push(Call { index: fragment.index, ..Call::default() });
            self.calls.len() - 1
        });
        let place =
            if known.is_none() { FragmentPlace::Begins(at) } else { FragmentPlace::Continues(at) };
        let call = &mut self.calls[at];
        for (first, later) in [
            (&mut call.id, fragment.id),
            (&mut call.name, fragment.name),
            (&mut call.signature, fragment.signature),
        ] {
            if first.is_empty() {
                *first = later;
            }
        }
        if !fragment.arguments.is_empty() {
            call.arguments.read(&fragment.arguments);
            call.waiting.push(fragment.arguments);
        }
        if at == self.open {
            self.say_open(out);
        }
        place
    }

    /// What identifies a call to the client: an id, made where the vendor gave none, and the name
    /// that the caller knows.
    pub fn identity(&mut self, at: usize) -> (ByteString, ByteString) {
        let Some(call) = self.calls.get(at) else { return Default::default() };
        let name = self.tool_names.restored(call.name.clone());
        (self.shown_id(at), name)
    }

    /// The id that the client gets: the vendor's own where it is legal, long enough and not yet
    /// taken.
    fn shown_id(&mut self, at: usize) -> ByteString {
        let call = &mut self.calls[at];
        if let Some(shown) = &call.shown_id {
            return shown.clone();
        }
        let is_unfit =
            !is_legal(&call.id) || call.id.len() < SHORTEST_UNIQUE || self.ids.contains(&call.id);
        let shown =
            if is_unfit { format!("toolu_{}{at}", self.id_seed).into() } else { call.id.clone() };
        call.shown_id = Some(shown.clone());
        self.ids.push(shown.clone());
        shown
    }

    /// The answer is over: everything that waits is said, in order.
    pub fn finish(&mut self, out: &mut Vec<ProviderEvent>) {
        while self.open < self.calls.len() {
            self.say_open(out);
            if self.calls[self.open].said {
                out.push(ProviderEvent::translated(StreamEvent::BlockStop));
            }
            self.open += 1;
        }
    }

    fn position(&self, fragment: &Fragment) -> Option<usize> {
        let another = |call: &Call| {
            // once the client has an id for it, a call without one of the vendor's gets none any
            // more
            let has_id = !call.id.is_empty() || call.shown_id.is_some();
            let other_id = !fragment.id.is_empty() && has_id && call.id != fragment.id;
            // whole calls, one after the other, without ids: what has a name and follows a complete
            // call is the next one
            let next = fragment.id.is_empty()
                && !fragment.name.is_empty()
                && !fragment.arguments.is_empty()
                && call.arguments.is_complete();
            other_id || next
        };
        let at = match fragment.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None if fragment.id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().position(|call| call.id == fragment.id),
        };
        at.filter(|at| !another(&self.calls[*at]))
    }

    /// Says what has come of the open call. A call without a name cannot begin.
    fn say_open(&mut self, out: &mut Vec<ProviderEvent>) {
        if self.calls[self.open].name.is_empty() {
            return;
        }
        let id = self.shown_id(self.open);
        let call = &mut self.calls[self.open];
        if !call.said {
            call.said = true;
            if !call.signature.is_empty() {
                // a thought of no words: the place in which a client keeps a signature
                let signature = Delta::Signature(marked(Issuer::Gemini, &call.signature));
                let thought = [
                    StreamEvent::BlockStart(Block::Thinking),
                    StreamEvent::Delta(signature),
                    StreamEvent::BlockStop,
                ];
                out.extend(thought.map(ProviderEvent::translated));
            }
            let name = self.tool_names.restored(call.name.clone());
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(Block::ToolUse {
                id,
                name,
            })));
        }
        out.extend(
            call.waiting.drain(..).map(|piece| {
                ProviderEvent::translated(StreamEvent::Delta(Delta::ToolInput(piece)))
            }),
        );
    }
}

/// Shorter ids are counters that begin anew in every answer, and a conversation must not have one
/// twice. The shortest that vendors draw have nine.
const SHORTEST_UNIQUE: usize = 9;

/// Every dialect takes such an id back; others are replaced.
fn is_legal(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// How far a piece of JSON has come, without reading it.
#[derive(Debug, Default)]
struct Nesting {
    depth: u32,
    begun: bool,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    InString,
    AfterBackslash,
}

impl Nesting {
    fn read(&mut self, piece: &str) {
        for byte in piece.bytes() {
            self.place = match (self.place, byte) {
                (Place::Between, b'"') => Place::InString,
                (Place::Between, b'{' | b'[') => {
                    self.depth += 1;
                    self.begun = true;
                    Place::Between
                }
                (Place::Between, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    Place::Between
                }
                (Place::InString, b'\\') => Place::AfterBackslash,
                (Place::InString, b'"') => Place::Between,
                (Place::AfterBackslash, _) => Place::InString,
                (place, _) => place,
            };
        }
    }

    fn is_complete(&self) -> bool {
        self.begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(
        index: Option<u64>,
        id: &'static str,
        name: &'static str,
        arguments: &'static str,
    ) -> Fragment {
        let id = if id.is_empty() { ByteString::new() } else { format!("call_mock_{id}").into() };
        Fragment {
            index,
            id,
            name: name.into(),
            arguments: arguments.into(),
            signature: ByteString::new(),
        }
    }

    fn said(fragments: Vec<Fragment>) -> Vec<String> {
        let mut calls = ToolCalls::new("seed".to_owned(), ToolNames::default());
        let mut out = Vec::new();
        for fragment in fragments {
            calls.add(fragment, &mut out);
        }
        calls.finish(&mut out);
        out.into_iter()
            .map(|out| match out.event {
                StreamEvent::BlockStart(Block::ToolUse { id, name }) => {
                    format!("start {id} {name}")
                }
                StreamEvent::Delta(Delta::ToolInput(piece)) => piece.to_string(),
                StreamEvent::BlockStop => "stop".to_owned(),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn interleaved_calls_are_serialised() {
        let said = said(vec![
            fragment(Some(0), "a", "f", ""),
            fragment(Some(1), "b", "g", ""),
            fragment(Some(1), "", "", "{\"y\""),
            fragment(Some(0), "", "", "{\"x\""),
            fragment(Some(1), "", "", ":2}"),
            fragment(Some(0), "", "", ":1}"),
        ]);
        assert_eq!(
            said,
            [
                "start call_mock_a f",
                "{\"x\"",
                ":1}",
                "stop",
                "start call_mock_b g",
                "{\"y\"",
                ":2}",
                "stop"
            ]
        );
    }

    #[test]
    fn p007_a_new_id_is_a_new_call_even_under_the_same_index() {
        let said = said(vec![
            fragment(Some(0), "a", "f", "{}"),
            fragment(Some(0), "b", "g", "{}"),
            fragment(Some(0), "b", "", ""),
        ]);
        assert_eq!(
            said,
            ["start call_mock_a f", "{}", "stop", "start call_mock_b g", "{}", "stop"]
        );
    }

    #[test]
    fn without_an_index_an_id_starts_a_call_and_the_rest_continues_it() {
        let said = said(vec![
            fragment(None, "a", "f", "{"),
            fragment(None, "", "", "}"),
            fragment(None, "b", "g", "{}"),
        ]);
        assert_eq!(
            said,
            ["start call_mock_a f", "{", "}", "stop", "start call_mock_b g", "{}", "stop"]
        );
    }

    #[test]
    fn repeated_names_are_not_added_up_and_missing_ids_are_made() {
        let said = said(vec![fragment(Some(0), "", "f", "{"), fragment(Some(0), "", "f", "}")]);
        assert_eq!(said, ["start toolu_seed0 f", "{", "}", "stop"]);
    }

    #[test]
    fn p007_whole_calls_without_ids_are_calls_of_their_own() {
        for index in [None, Some(0)] {
            let said = said(vec![
                fragment(index, "", "f", "{\"x\":\"}\"}"),
                fragment(index, "", "f", "{}"),
                fragment(index, "", "g", "{}"),
            ]);
            let expected = [
                "start toolu_seed0 f",
                "{\"x\":\"}\"}",
                "stop",
                "start toolu_seed1 f",
                "{}",
                "stop",
                "start toolu_seed2 g",
                "{}",
                "stop",
            ];
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn p012_ids_are_legal_and_unique() {
        let said = said(vec![
            fragment(Some(0), "functions.f:0", "f", "{}"),
            fragment(Some(1), "a", "f", "{}"),
            fragment(Some(2), "a", "f", "{}"),
        ]);
        assert_eq!(
            said,
            [
                "start toolu_seed0 f",
                "{}",
                "stop",
                "start call_mock_a f",
                "{}",
                "stop",
                "start toolu_seed2 f",
                "{}",
                "stop"
            ]
        );
    }

    #[test]
    fn p012_a_counter_is_no_id() {
        let counter =
            |id: &'static str| Fragment { id: id.into(), ..fragment(None, "", "f", "{}") };
        assert_eq!(said(vec![counter("call_0")]), ["start toolu_seed0 f", "{}", "stop"]);
        assert_eq!(said(vec![counter("aB3dE6gH9")]), ["start aB3dE6gH9 f", "{}", "stop"]);
    }

    #[test]
    fn an_id_that_is_replaced_may_be_repeated_in_every_fragment() {
        for id in ["functions.f:0", "call_1"] {
            for index in [Some(0), None] {
                let fragment =
                    |arguments| Fragment { id: id.into(), ..fragment(index, "", "f", arguments) };
                let said = said(vec![fragment("{"), fragment("\"x\":1"), fragment("}")]);
                assert_eq!(
                    said,
                    ["start toolu_seed0 f", "{", "\"x\":1", "}", "stop"],
                    "{id} {index:?}"
                );
            }
        }
    }

    #[test]
    fn a_call_that_waits_has_the_id_under_which_it_is_said() {
        let mut calls = ToolCalls::new("seed".to_owned(), ToolNames::default());
        let mut out = Vec::new();
        calls.add(fragment(Some(0), "a", "f", ""), &mut out);
        calls.add(Fragment { id: "call_b".into(), ..fragment(Some(1), "", "g", "") }, &mut out);
        assert_eq!(calls.identity(1), ("toolu_seed1".into(), "g".into()));
    }

    #[test]
    fn the_signature_of_a_call_comes_before_it() {
        let signed = Fragment { signature: "c2ln".into(), ..fragment(None, "a", "f", "{}") };
        let expected = [
            "Delta(Signature(\"ainfera.gemini.c2ln\"))",
            "stop",
            "start call_mock_a f",
            "{}",
            "stop",
        ];
        assert_eq!(said(vec![signed])[1..], expected);
    }

    #[test]
    fn arguments_wait_for_the_name() {
        assert_eq!(
            said(vec![fragment(Some(0), "a", "", "{}"), fragment(Some(0), "", "f", "")]),
            ["start call_mock_a f", "{}", "stop"]
        );
    }
}
