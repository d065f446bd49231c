//! The items of one answer, put in line: one block is open at a time, what belongs to a later item
//! waits until the earlier ones are complete.
//!
//! Items are known by their place in the output; ids may change from one event to the next.

use bytestring::ByteString;

use crate::codec::json::quoted;
use crate::event::{Block, Delta, StreamEvent};
use crate::signature::{self, Issuer};
use crate::tool_names::ToolNames;

/// What an item is, as far as we say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Message,
    Reasoning,
    /// Its arguments are JSON text.
    Function,
    /// Its input is any text, said as the one member of an object.
    Custom,
    /// An item that only the native client understands.
    Other,
}

impl Kind {
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "message" => Kind::Message,
            "reasoning" => Kind::Reasoning,
            "function_call" => Kind::Function,
            "custom_tool_call" => Kind::Custom,
            _ => Kind::Other,
        }
    }
}

/// All that an item's last event says; an event before it says less.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub call_id: ByteString,
    pub name: ByteString,
    /// Text of a message, summary or raw text of a reasoning item, arguments of a call.
    pub text: Vec<ByteString>,
    pub encrypted: Option<ByteString>,
}

#[derive(Debug)]
struct Item {
    place: u64,
    kind: Kind,
    call_id: ByteString,
    name: ByteString,
    /// Which part of the item was said last; text of another part is set apart.
    part: Option<(u64, u64)>,
    block: BlockState,
    /// Said text so far, in bytes: the whole text that comes at the end is said only if none came
    /// before.
    said_bytes: usize,
    /// Fragments that wait until the item before theirs is complete.
    waiting: Vec<StreamEvent>,
    /// Pieces of a call that has no name yet.
    nameless: Vec<ByteString>,
    done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockState {
    Closed,
    Open,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Items {
    items: Vec<Item>,
    /// Items before this one have been said to their end.
    open: usize,
    /// Makes ids for calls that come without one.
    id_seed: String,
    tool_names: ToolNames,
}

impl Items {
    pub(crate) fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self { items: Vec::new(), open: 0, id_seed, tool_names }
    }

    /// What gives back the names that the caller knows.
    pub(crate) fn tool_names(&self) -> &ToolNames {
        &self.tool_names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn has_calls(&self) -> bool {
        self.items.iter().any(|item| matches!(item.kind, Kind::Function | Kind::Custom))
    }

    /// Is there an item at this place whose end has not come?
    pub(crate) fn is_open(&self, place: u64) -> bool {
        self.items.iter().any(|item| item.place == place && !item.done)
    }

    /// Has the end of every item come?
    pub(crate) fn are_done(&self) -> bool {
        self.items.iter().all(|item| item.done)
    }

    /// The place of an item that begins and does not name its own.
    pub(crate) fn next_place(&self) -> u64 {
        self.items.last().map_or(0, |item| item.place.saturating_add(1))
    }

    /// The place of the newest item, for events that do not name theirs.
    pub(crate) fn last_place(&self) -> u64 {
        self.items.last().map_or(0, |item| item.place)
    }

    /// An item begins, or is heard of for the first time.
    pub(crate) fn begin(
        &mut self,
        place: u64,
        kind: Kind,
        whole: &Whole,
        out: &mut Vec<StreamEvent>,
    ) {
        let at = self.position(place, kind);
        let item = &mut self.items[at];
        if item.call_id.is_empty() {
            item.call_id = whole.call_id.clone();
        }
        if item.name.is_empty() {
            item.name = whole.name.clone();
        }
        self.open_named_call(at);
        self.say(at, out);
    }

    /// A piece of an item's text. `part` says which of its parts.
    pub(crate) fn text(
        &mut self,
        place: u64,
        kind: Kind,
        part: (u64, u64),
        text: ByteString,
        out: &mut Vec<StreamEvent>,
    ) {
        let at = self.position(place, kind);
        self.add_text(at, part, text);
        self.say(at, out);
    }

    /// The item is complete: what its pieces did not say is said now.
    pub(crate) fn end(&mut self, place: u64, kind: Kind, whole: Whole, out: &mut Vec<StreamEvent>) {
        self.begin(place, kind, &whole, out);
        let at = self.position(place, kind);
        if self.items[at].done {
            return;
        }
        if self.items[at].said_bytes == 0 {
            for (part, text) in whole.text.into_iter().enumerate() {
                self.add_text(at, (0, part as u64), text);
            }
        }
        let item = &mut self.items[at];
        if let Some(encrypted) = whole.encrypted.filter(|encrypted| !encrypted.is_empty()) {
            item.open_block(Block::Thinking);
            let signature = signature::marked(Issuer::Responses, &encrypted);
            item.waiting.push(StreamEvent::Delta(Delta::Signature(signature)));
        }
        item.close();
        self.say(at, out);
    }

    /// The answer is over: everything that waits is said, in order.
    pub(crate) fn finish(&mut self, out: &mut Vec<StreamEvent>) {
        for item in &mut self.items[self.open..] {
            item.close();
        }
        if self.open < self.items.len() {
            self.say(self.open, out);
        }
    }

    fn position(&mut self, place: u64, kind: Kind) -> usize {
        if let Some(at) = self.items.iter().rposition(|item| item.place == place) {
            let known = &mut self.items[at];
            if known.kind == Kind::Other {
                // its pieces tell what its beginning did not
                known.kind = kind;
            }
            return at;
        }
        self.items.push(Item {
            place,
            kind,
            call_id: ByteString::new(),
            name: ByteString::new(),
            part: None,
            block: BlockState::Closed,
            said_bytes: 0,
            waiting: Vec::new(),
            nameless: Vec::new(),
            done: false,
        });
        self.items.len() - 1
    }

    fn add_text(&mut self, at: usize, part: (u64, u64), text: ByteString) {
        let item = &mut self.items[at];
        if text.is_empty() || item.done {
            return;
        }
        item.said_bytes += text.len();
        match item.kind {
            Kind::Message => {
                item.open_block(Block::Text);
                item.waiting.push(StreamEvent::Delta(Delta::Text(text)));
            }
            Kind::Reasoning => {
                item.open_block(Block::Thinking);
                if item.part.is_some_and(|before| before != part) {
                    item.waiting.push(StreamEvent::Delta(Delta::Thinking("\n\n".into())));
                }
                item.part = Some(part);
                item.waiting.push(StreamEvent::Delta(Delta::Thinking(text)));
            }
            Kind::Function | Kind::Custom => {
                item.nameless.push(text);
                self.open_named_call(at);
            }
            Kind::Other => {}
        }
    }

    /// A call without a name cannot begin.
    fn open_named_call(&mut self, at: usize) {
        let minted = format!("toolu_{}{at}", self.id_seed);
        let item = &mut self.items[at];
        if item.name.is_empty() || item.done || !matches!(item.kind, Kind::Function | Kind::Custom)
        {
            return;
        }
        if item.block == BlockState::Closed {
            let id = if item.call_id.is_empty() { minted.into() } else { item.call_id.clone() };
            let name = self.tool_names.restored(item.name.clone());
            item.open_block(Block::ToolUse { id, name });
            if item.kind == Kind::Custom {
                item.waiting.push(StreamEvent::Delta(Delta::ToolInput("{\"input\":\"".into())));
            }
        }
        for piece in std::mem::take(&mut item.nameless) {
            let piece = if item.kind == Kind::Custom { inside_quotes(&piece) } else { piece };
            item.waiting.push(StreamEvent::Delta(Delta::ToolInput(piece)));
        }
    }

    /// Says what waits, if it is this item's turn, and what follows it if it is complete.
    fn say(&mut self, at: usize, out: &mut Vec<StreamEvent>) {
        if at != self.open {
            return;
        }
        while let Some(item) = self.items.get_mut(self.open) {
            out.append(&mut item.waiting);
            if !item.done {
                return;
            }
            self.open += 1;
        }
    }
}

impl Item {
    fn open_block(&mut self, block: Block) {
        if self.block == BlockState::Closed {
            self.block = BlockState::Open;
            self.waiting.push(StreamEvent::BlockStart(block));
        }
    }

    fn close(&mut self) {
        if self.done {
            return;
        }
        self.done = true;
        if self.block == BlockState::Open {
            if self.kind == Kind::Custom {
                self.waiting.push(StreamEvent::Delta(Delta::ToolInput("\"}".into())));
            }
            self.waiting.push(StreamEvent::BlockStop);
        }
    }
}

/// Text as it stands between the quotes of a JSON string.
fn inside_quotes(text: &str) -> ByteString {
    let quoted = quoted(text);
    ByteString::from(&quoted[1..quoted.len() - 1])
}
