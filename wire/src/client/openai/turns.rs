//! The conversation of OpenAI's dialects as turns. Instructions stay where they stand, and results
//! of tools are one turn with what the user says after them, so that what was sent for an earlier
//! turn is sent again as it was.

use bytestring::ByteString;

use crate::client::translation::RequestTranslation;
use crate::codec::node::{Object, Path};
use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Reason};
use crate::error::bad_request::BadRequest;
use crate::request::content::{Block, BlockExtras, ToolOutcome};
use crate::request::{Role, Turn};

/// A block, and the caller's path that it came from.
#[derive(Debug)]
pub(crate) struct PlacedBlock {
    pub block: Block,
    pub from: String,
    /// Likewise for paths inside the block.
    pub inside: Vec<(String, String)>,
}

impl PlacedBlock {
    pub(crate) fn new(block: Block, from: impl Into<String>) -> Self {
        Self { block, from: from.into(), inside: Vec::new() }
    }

    pub(crate) fn text(text: impl Into<ByteString>, from: impl Into<String>) -> Self {
        Self::new(Block::text(text), from)
    }

    /// The same; what the request has at this path inside the block stands at `from`.
    pub(crate) fn with(mut self, path: impl Into<String>, from: impl Into<String>) -> Self {
        self.inside.push((path.into(), from.into()));
        self
    }

    /// An image or a document whose bytes, or their address, stand at `from`.
    pub(crate) fn with_source(self, from: &str) -> Self {
        self.with("source", from).with("source.type", from)
    }

    /// A call of a tool: its input is an object, written as text at `input_from`.
    pub(crate) fn call(id: ByteString, name: ByteString, input: RawJson, from: String) -> Self {
        Self::new(Block::ToolUse { id, name, input, extras: BlockExtras::default() }, from)
    }

    /// What a tool returned, in blocks of their own.
    pub(crate) fn result(id: ByteString, content: Vec<PlacedBlock>, from: String) -> Self {
        let mut inside = Vec::with_capacity(content.len());
        let mut blocks = Vec::with_capacity(content.len());
        for (at, placed) in content.into_iter().enumerate() {
            let path = format!("content.{at}");
            for (inner, from) in placed.inside {
                inside.push((format!("{path}.{inner}"), from));
            }
            inside.push((path, placed.from));
            blocks.push(placed.block);
        }
        let block = Block::ToolResult {
            tool_use_id: id,
            content: blocks,
            outcome: ToolOutcome::Ok,
            extras: BlockExtras::default(),
        };
        Self { block, from, inside }
    }

    fn is_result(&self) -> bool {
        matches!(self.block, Block::ToolResult { .. })
    }

    /// The block, whose place in the request is `path`.
    fn placed(self, path: &str, translation: &mut RequestTranslation) -> Block {
        for (inside, from) in self.inside {
            translation.source_map.add(format!("{path}.{inside}"), from);
        }
        translation.source_map.add(path, self.from);
        self.block
    }
}

/// What one side says in a row.
#[derive(Debug)]
struct PlacedTurn {
    role: Role,
    from: String,
    blocks: Vec<PlacedBlock>,
}

/// Turns so far.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Instructions before the first turn.
    system: Vec<PlacedBlock>,
    turns: Vec<PlacedTurn>,
}

impl Turns {
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Instructions, which are text. They are part of the conversation once it has begun.
    pub(crate) fn instruct(
        &mut self,
        blocks: Vec<PlacedBlock>,
        from: &str,
    ) -> Result<(), BadRequest> {
        if let Some(other) = blocks.iter().find(|said| !matches!(said.block, Block::Text { .. })) {
            return Err(BadRequest::new(&*other.from, "instructions are text"));
        }
        if self.turns.is_empty() {
            self.system.extend(blocks);
        } else {
            self.go_on(Role::System, from, blocks);
        }
        Ok(())
    }

    /// A turn of its own.
    pub(crate) fn begin(&mut self, role: Role, from: &str, blocks: Vec<PlacedBlock>) {
        self.turns.push(PlacedTurn { role, from: from.to_owned(), blocks });
    }

    /// More of the last turn, where it is of the same side.
    pub(crate) fn go_on(&mut self, role: Role, from: &str, blocks: Vec<PlacedBlock>) {
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.extend(blocks),
            None => self.begin(role, from, blocks),
        }
    }

    /// A message of the user: a turn of its own, but for what follows results of tools.
    pub(crate) fn user_message(&mut self, from: &str, blocks: Vec<PlacedBlock>) {
        let last = self.turns.last().filter(|turn| turn.role == Role::User);
        if last.is_some_and(|turn| turn.blocks.iter().all(PlacedBlock::is_result)) {
            self.go_on(Role::User, from, blocks);
        } else {
            self.begin(Role::User, from, blocks);
        }
    }

    /// What a tool returned. Results are told first: what was said meanwhile comes after them.
    pub(crate) fn add_result(&mut self, result: PlacedBlock, translation: &mut RequestTranslation) {
        let calls = self.turns.iter().rposition(|turn| turn.role == Role::Assistant);
        let after_calls = calls.map_or(self.turns.len(), |calls| calls + 1);
        let from = result.from.clone();
        let moved = |place| Change::Moved(place);
        match self.turns.get_mut(after_calls) {
            None => self.begin(Role::User, &from, vec![result]),
            Some(turn) if turn.role == Role::User => {
                let place = turn.blocks.iter().position(|said| !said.is_result());
                let place = place.unwrap_or(turn.blocks.len());
                let passes = turn.blocks.len() > place;
                turn.blocks.insert(place, result);
                if passes {
                    translation.lost.add(from, moved("before the user message"));
                } else if self.turns.len() > after_calls + 1 {
                    translation.lost.add(from, moved("before the instructions"));
                }
            }
            Some(_) => {
                translation.lost.add(&*from, moved("before the instructions"));
                let turn = PlacedTurn { role: Role::User, from, blocks: vec![result] };
                self.turns.insert(after_calls, turn);
            }
        }
    }

    /// The turns become those of the request.
    pub(crate) fn place(self, translation: &mut RequestTranslation) {
        let mut system = Vec::with_capacity(self.system.len());
        for (at, said) in self.system.into_iter().enumerate() {
            system.push(said.placed(&format!("system.{at}"), translation));
        }
        if !system.is_empty() {
            translation.request.system = system;
            translation.member("system");
        }
        let mut turns = Vec::with_capacity(self.turns.len());
        for (at, turn) in self.turns.into_iter().enumerate() {
            let path = format!("messages.{at}");
            let mut blocks = Vec::with_capacity(turn.blocks.len());
            for (at, said) in turn.blocks.into_iter().enumerate() {
                blocks.push(said.placed(&format!("{path}.content.{at}"), translation));
            }
            translation.source_map.add(path, turn.from);
            turns.push(Turn { role: turn.role, blocks });
        }
        translation.request.turns = turns;
        translation.member("messages");
    }
}

/// The input of a call, which stands as text at `path`; nothing at all is an empty object.
pub(crate) fn input(arguments: &str, path: Path<'_>) -> Result<RawJson, BadRequest> {
    if arguments.trim().is_empty() {
        return Ok(RawJson::Value(serde_json::Value::Object(serde_json::Map::new())));
    }
    let input = serde_json::from_str(arguments).ok().map(RawJson::Value);
    let input = input.filter(RawJson::is_object);
    input.ok_or_else(|| path.mistake("must be a JSON object, as a string"))
}

/// A text of a `content`; an empty one says nothing and is left out.
pub(crate) fn text_block(
    said: ByteString,
    path: Path<'_>,
    translation: &mut RequestTranslation,
) -> Option<PlacedBlock> {
    if said.is_empty() {
        translation.drop(path.to_string(), Reason::Empty);
        return None;
    }
    Some(PlacedBlock::text(said, path.to_string()))
}

/// One part of a `content`, as a block; nothing where it says nothing.
type Part = fn(Object<'_>, &mut RequestTranslation) -> Result<Option<PlacedBlock>, BadRequest>;

/// `content`: a string, or an array of parts.
pub(crate) fn parts(
    content: serde_json::Value,
    path: Path<'_>,
    part: Part,
    translation: &mut RequestTranslation,
) -> Result<Vec<PlacedBlock>, BadRequest> {
    use serde_json::Value;
    let all = match content {
        Value::String(text) if text.is_empty() => return Ok(Vec::new()),
        Value::String(text) => return Ok(vec![PlacedBlock::text(text, path.to_string())]),
        Value::Array(all) => all,
        _ => return Err(path.mistake("must be a string or an array of parts")),
    };
    let mut blocks = Vec::with_capacity(all.len());
    for (at, one) in all.into_iter().enumerate() {
        blocks.extend(part(Object::read(one, path.index(at))?, translation)?);
    }
    Ok(blocks)
}
