//! A piece of a call, as a chunk has it.

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use super::chunk::ChunkCall;
use crate::codec::json::Text;
use crate::provider::chat::tool_calls::Fragment;

pub(super) fn fragment(call: ChunkCall<'_>, data: &Bytes) -> Fragment {
    let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
    let (name, arguments) =
        call.function.map_or((None, None), |function| (function.name, function.arguments));
    Fragment {
        index: call.index,
        id: text(call.id),
        name: text(name),
        arguments: arguments.map(|raw| arguments_text(raw, data)).unwrap_or_default(),
        signature: text(call.extra_content.and_then(|extra| extra.google?.thought_signature)),
    }
}

/// Arguments are JSON text in a string; some vendors send the object itself.
fn arguments_text(raw: &RawValue, data: &Bytes) -> ByteString {
    match raw.get().as_bytes().first() {
        Some(b'"') => text_of(raw, data),
        Some(b'{') => ByteString::from(raw.get()),
        _ => ByteString::new(),
    }
}

/// The text, if it is one.
pub(super) fn text_of(raw: &RawValue, data: &Bytes) -> ByteString {
    serde_json::from_str::<Text<'_>>(raw.get()).map(|text| text.shared(data)).unwrap_or_default()
}
