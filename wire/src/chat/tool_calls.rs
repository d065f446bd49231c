//! Fragments of parallel tool calls, put in line: one call is open at a time, the others wait until it is complete.
//!
//! Vendors key fragments by `index`, by a new `id`, or not at all; names and ids may be repeated or missing.

use bytestring::ByteString;

use super::tool_names::ToolNames;
use crate::event::{Block, Delta, Heard, StreamEvent};

/// One fragment of `delta.tool_calls`.
#[derive(Debug, Default, Clone)]
pub struct Fragment {
    pub index: Option<u64>,
    pub id: ByteString,
    pub name: ByteString,
    pub arguments: ByteString,
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub struct ToolCalls {
    calls: Vec<Call>,
    /// Calls before this one have been said to their end.
    open: usize,
    /// Makes ids for vendors that send none; unique within the gateway together with the request's own id.
    id_seed: String,
    tool_names: ToolNames,
}

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: ByteString,
    name: ByteString,
    /// What has come but could not be said yet.
    waiting: Vec<ByteString>,
    started: bool,
}

impl ToolCalls {
    pub fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self { calls: Vec::new(), open: 0, id_seed, tool_names }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes a fragment and says what can be said now.
    pub fn add(&mut self, fragment: Fragment, heard: &mut Vec<Heard>) {
        let at = match self.position(&fragment) {
            Some(at) => at,
            None => {
                self.calls.push(Call {
                    index: fragment.index,
                    id: ByteString::new(),
                    name: ByteString::new(),
                    waiting: Vec::new(),
                    started: false,
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = fragment.id;
        }
        if call.name.is_empty() {
            call.name = fragment.name;
        }
        if !fragment.arguments.is_empty() {
            call.waiting.push(fragment.arguments);
        }
        if at == self.open {
            self.say_open(heard);
        }
    }

    /// The answer is over: everything that waits is said, in order.
    pub fn finish(&mut self, heard: &mut Vec<Heard>) {
        while self.open < self.calls.len() {
            self.say_open(heard);
            if self.calls[self.open].started {
                heard.push(Heard::translated(StreamEvent::BlockStop));
            }
            self.open += 1;
        }
    }

    fn position(&self, fragment: &Fragment) -> Option<usize> {
        let another = |call: &Call| !fragment.id.is_empty() && !call.id.is_empty() && call.id != fragment.id;
        match fragment.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)).filter(|at| !another(&self.calls[*at])),
            None if fragment.id.is_empty() => self.calls.len().checked_sub(1),
            None => self.calls.iter().position(|call| call.id == fragment.id),
        }
    }

    /// Says what has come of the open call. A call without a name cannot begin.
    fn say_open(&mut self, heard: &mut Vec<Heard>) {
        let minted = format!("toolu_{}{}", self.id_seed, self.open);
        let call = &mut self.calls[self.open];
        if call.name.is_empty() {
            return;
        }
        if !call.started {
            call.started = true;
            if call.id.is_empty() {
                call.id = minted.into();
            }
            let name = self.tool_names.restored(call.name.clone());
            heard.push(Heard::translated(StreamEvent::BlockStart(Block::ToolUse { id: call.id.clone(), name })));
        }
        heard.extend(call.waiting.drain(..).map(|piece| Heard::translated(StreamEvent::Delta(Delta::ToolInput(piece)))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(index: Option<u64>, id: &'static str, name: &'static str, arguments: &'static str) -> Fragment {
        Fragment { index, id: id.into(), name: name.into(), arguments: arguments.into() }
    }

    fn said(fragments: Vec<Fragment>) -> Vec<String> {
        let mut calls = ToolCalls::new("seed".to_owned(), ToolNames::default());
        let mut heard = Vec::new();
        for fragment in fragments {
            calls.add(fragment, &mut heard);
        }
        calls.finish(&mut heard);
        heard
            .into_iter()
            .map(|heard| match heard.event {
                StreamEvent::BlockStart(Block::ToolUse { id, name }) => format!("start {id} {name}"),
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
        assert_eq!(said, ["start a f", "{\"x\"", ":1}", "stop", "start b g", "{\"y\"", ":2}", "stop"]);
    }

    #[test]
    fn a_new_id_is_a_new_call_even_under_the_same_index() {
        let said = said(vec![fragment(Some(0), "a", "f", "{}"), fragment(Some(0), "b", "g", "{}"), fragment(Some(0), "b", "", "")]);
        assert_eq!(said, ["start a f", "{}", "stop", "start b g", "{}", "stop"]);
    }

    #[test]
    fn without_an_index_an_id_starts_a_call_and_the_rest_continues_it() {
        let said = said(vec![fragment(None, "a", "f", "{"), fragment(None, "", "", "}"), fragment(None, "b", "g", "{}")]);
        assert_eq!(said, ["start a f", "{", "}", "stop", "start b g", "{}", "stop"]);
    }

    #[test]
    fn repeated_names_are_not_added_up_and_missing_ids_are_made() {
        let said = said(vec![fragment(Some(0), "", "f", "{"), fragment(Some(0), "", "f", "}")]);
        assert_eq!(said, ["start toolu_seed0 f", "{", "}", "stop"]);
    }

    #[test]
    fn arguments_wait_for_the_name() {
        assert_eq!(said(vec![fragment(Some(0), "a", "", "{}"), fragment(Some(0), "", "f", "")]), ["start a f", "{}", "stop"]);
    }
}
