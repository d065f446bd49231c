//! The content of a delta: a text, or parts.

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::value::RawValue;

use super::chunk::ContentPart;
use super::{ChatReader, ContentKind, text_of};
use crate::codec::json::Text;
use crate::codec::shape::{Mended, mended};
use crate::event::{ProviderEvent, StreamEvent};
use crate::oddity::Oddity;
use crate::provider::chat::own_reasoning::ReasoningMember;

impl ChatReader {
    /// A string, null, or an array of parts.
    pub(super) fn content(
        &mut self,
        content: &RawValue,
        is_thought: bool,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
    ) {
        match content.get().as_bytes().first() {
            Some(b'"') if is_thought => self.piece(thought(text_of(content, data)), out),
            Some(b'"') => self.text(text_of(content, data), out),
            Some(b'[' | b'{') => {
                if content.get().starts_with('[') {
                    self.relay.note_parts();
                }
                self.parts(content, data, out, Self::part);
            }
            _ => out.push(StreamEvent::Oddity(Oddity::Text).into()),
        }
    }

    /// Gives each part of a list to `take`.
    fn parts(
        &mut self,
        list: &RawValue,
        data: &Bytes,
        out: &mut Vec<ProviderEvent>,
        take: fn(&mut Self, ContentPart<'_>, &Bytes, &mut Vec<ProviderEvent>),
    ) {
        if let Ok(parts) = serde_json::from_str::<Vec<ContentPart<'_>>>(list.get()) {
            return parts.into_iter().for_each(|part| take(self, part, data, out));
        }
        let list = Bytes::copy_from_slice(list.get().as_bytes());
        let Ok(Mended { fitting, oddities, .. }) = mended::<Vec<ContentPart<'_>>>(&list) else {
            return;
        };
        out.extend(oddities.into_iter().map(|oddity| StreamEvent::Oddity(oddity).into()));
        let parts = serde_json::from_slice::<Vec<ContentPart<'_>>>(&fitting).unwrap_or_default();
        parts.into_iter().for_each(|part| take(self, part, &fitting, out));
    }

    fn part(&mut self, part: ContentPart<'_>, data: &Bytes, out: &mut Vec<ProviderEvent>) {
        let text = |text: Option<Text<'_>>| text.map(|text| text.shared(data)).unwrap_or_default();
        match (part.kind.as_deref(), part.thinking) {
            (Some("thinking"), Some(thinking)) if thinking.get().starts_with('"') => {
                self.piece(thought(text_of(thinking, data)), out);
            }
            (Some("thinking"), Some(thinking)) => {
                self.parts(thinking, data, out, |reader, part, data, out| {
                    let text = part.text.map(|text| text.shared(data)).unwrap_or_default();
                    reader.piece(thought(text), out);
                });
            }
            (Some("text" | "output_text") | None, _) => {
                self.piece(ContentKind::Text(text(part.text)), out)
            }
            _ => {}
        }
    }
}

/// Thoughts inside of the content are nobody's to give back under another name.
fn thought(text: ByteString) -> ContentKind {
    ContentKind::Thought(text, ReasoningMember::ReasoningContent)
}
