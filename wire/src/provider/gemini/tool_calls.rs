//! The function calls of one answer. Most come whole; where they come in pieces, the arguments are
//! said when they are complete.

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::{Map, Value};

use crate::event::{Block, Delta, ProviderEvent, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::gemini::partial_args;
use crate::provider::gemini::response::FunctionCall;
use crate::provider::tool_call_ids::is_legal;
use crate::tool_names::ToolNames;

/// See the module.
#[derive(Debug)]
pub(crate) struct Calls {
    count: usize,
    /// The arguments so far of a call that goes on.
    open: Option<Map<String, Value>>,
    id_seed: String,
    tool_names: ToolNames,
}

impl Calls {
    pub(crate) fn new(id_seed: String, tool_names: ToolNames) -> Self {
        Self { count: 0, open: None, id_seed, tool_names }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn add(
        &mut self,
        call: FunctionCall<'_>,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) {
        if let Some(name) = call.name.filter(|name| !name.is_empty()) {
            self.finish(out);
            let id = call.id.filter(|id| is_legal(id)).map(|id| id.shared(data));
            // Gemini's own calls have none
            let id = id.unwrap_or_else(|| format!("toolu_{}{}", self.id_seed, self.count).into());
            self.count += 1;
            let name = self.tool_names.restored(name.shared(data));
            out.push(ProviderEvent::translated(StreamEvent::BlockStart(Block::ToolUse {
                id,
                name,
            })));
            if let Some(args) = call.args {
                let args = object_text(args.get(), out);
                out.push(StreamEvent::Delta(Delta::ToolInput(args)).into());
                out.push(ProviderEvent::translated(StreamEvent::BlockStop));
                return;
            }
            self.open = Some(Map::new());
        }
        if let Some(args) = &mut self.open {
            call.partial_args.iter().flatten().for_each(|piece| partial_args::add(args, piece));
        }
        if call.will_continue != Some(true) {
            self.finish(out);
        }
    }

    /// The call that goes on is over.
    pub(crate) fn finish(&mut self, out: &mut Vec<ProviderEvent>) {
        if let Some(args) = self.open.take() {
            out.push(ProviderEvent::translated(StreamEvent::Delta(Delta::ToolInput(
                Value::Object(args).to_string().into(),
            ))));
            out.push(ProviderEvent::translated(StreamEvent::BlockStop));
        }
    }
}

/// Arguments are an object, or its JSON in a text. What is neither is no arguments.
fn object_text(args: &str, out: &mut Vec<ProviderEvent>) -> ByteString {
    if args.starts_with('{') {
        return ByteString::from(args);
    }
    out.push(StreamEvent::Oddity(Oddity::Object).into());
    let text = serde_json::from_str::<String>(args).unwrap_or_default();
    if text.trim_start().starts_with('{') { ByteString::from(text) } else { "{}".into() }
}
