//! Fragments of parallel tool calls, put in line: one call is open at a time, the others wait until
//! it is complete.
//!
//! Vendors key fragments by `index`, by a new `id`, or not at all; names and ids may be repeated or
//! missing.

mod nesting;
#[cfg(test)]
mod tests;

use bytestring::ByteString;

use self::nesting::Nesting;
use crate::event::{Block, Delta, ProviderEvent, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::kept_call_id::{self, VendorCall};
use crate::provider::tool_call_ids::is_legal;
use crate::signature::{Issuer, marked};
use crate::tool_names::ToolNames;

/// One fragment of `delta.tool_calls`.
#[derive(Debug, Default, Clone)]
pub(crate) struct Fragment {
    pub index: Option<u64>,
    pub id: ByteString,
    pub name: ByteString,
    pub arguments: ByteString,
    /// What Gemini wants back with the call.
    pub signature: ByteString,
}

/// Where a fragment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FragmentPlace {
    Begins(usize),
    Continues(usize),
    /// It says the arguments of a call again, which are complete.
    Repeats(usize),
}

/// The calls of one answer.
#[derive(Debug, Default)]
pub(crate) struct ToolCalls {
    calls: Vec<Call>,
    /// Calls before this one have been said to their end.
    open: usize,
    /// Makes ids for vendors that send none; unique within the gateway together with the request's
    /// own id.
    id_seed: String,
    tool_names: ToolNames,
    /// Those that the client has.
    ids: Vec<ByteString>,
    shown_ids: ShownIds,
}

/// Which ids the client gets.
#[derive(Debug, Default)]
pub(crate) enum ShownIds {
    /// The vendor's own, whatever they look like: the client speaks its dialect.
    #[default]
    AsTheyCame,
    /// Such as every dialect takes; the vendor's own can be read from those that are made.
    LegalEverywhere { owner: ByteString },
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
    pub(crate) fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self { id_seed, tool_names, ..Self::default() }
    }

    pub(crate) fn showing(self, shown_ids: ShownIds) -> Self {
        Self { shown_ids, ..self }
    }

    /// Has any call been said?
    pub(crate) fn any_emitted(&self) -> bool {
        self.calls.iter().any(|call| call.said)
    }

    /// Whether a tool call came without a name, so that it cannot be passed on. What has neither
    /// name nor arguments is no call.
    pub(crate) fn any_nameless(&self) -> bool {
        self.calls.iter().any(|call| call.name.is_empty() && !call.waiting.is_empty())
    }

    /// Has every call that began the whole of its arguments?
    pub(crate) fn are_complete(&self) -> bool {
        self.calls.iter().all(|call| !call.arguments.has_begun() || call.arguments.is_complete())
    }

    /// Takes a fragment and says what can be said now. Tells which call of the answer it belongs
    /// to, and whether it begins it.
    pub(crate) fn add(
        &mut self,
        fragment: Fragment,
        out: &mut Vec<ProviderEvent>,
    ) -> FragmentPlace {
        let known = self.position(&fragment);
        let at = known.unwrap_or_else(|| {
            self.calls.push(Call { index: fragment.index, ..Call::default() });
            self.calls.len() - 1
        });
        let mut place =
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
        let arguments = fragment.arguments.trim();
        let nothing = arguments.is_empty() || arguments == "null";
        if call.arguments.is_complete() && !arguments.is_empty() {
            out.push(StreamEvent::Oddity(Oddity::RepeatedArguments).into());
            place = FragmentPlace::Repeats(at);
        } else if !nothing || call.arguments.has_begun() && !fragment.arguments.is_empty() {
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
    pub(crate) fn identity(&mut self, at: usize) -> (ByteString, ByteString) {
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
        let fits = match self.shown_ids {
            ShownIds::AsTheyCame => !call.id.bytes().any(|byte| byte.is_ascii_control()),
            ShownIds::LegalEverywhere { .. } => is_legal(&call.id),
        };
        let shown = if fits && call.id.len() >= SHORTEST_UNIQUE && !self.ids.contains(&call.id) {
            call.id.clone()
        } else {
            let unique = format!("{}{at}", self.id_seed);
            let kept = match &self.shown_ids {
                ShownIds::LegalEverywhere { owner } if !fits && !call.id.is_empty() => {
                    // the name helps only where the caller knows it as the vendor does
                    let known = self.tool_names.restored(call.name.clone()) == call.name;
                    let name = if known { &*call.name } else { "" };
                    kept_call_id::shown(VendorCall { id: &call.id, name, owner }, &unique)
                }
                ShownIds::LegalEverywhere { .. } | ShownIds::AsTheyCame => None,
            };
            kept.unwrap_or_else(|| format!("toolu_{unique}")).into()
        };
        call.shown_id = Some(shown.clone());
        self.ids.push(shown.clone());
        shown
    }

    /// The answer is over: everything that waits is said, in order.
    pub(crate) fn finish(&mut self, out: &mut Vec<ProviderEvent>) {
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
            // some draw a new id for every fragment
            let goes_on = call.arguments.has_begun()
                && !call.arguments.is_complete()
                && (fragment.name.is_empty() || fragment.name == call.name);
            let other_id = !fragment.id.is_empty() && has_id && call.id != fragment.id && !goes_on;
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
            None => {
                let same = self.calls.iter().position(|call| call.id == fragment.id);
                let last = || self.calls.len().checked_sub(1).filter(|_| fragment.name.is_empty());
                same.or_else(last)
            }
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
            if call.id.is_empty() {
                out.push(StreamEvent::Oddity(Oddity::NoToolCallId).into());
            }
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
