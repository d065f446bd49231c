//! `reasoning_details` of one answer, put together from their fragments: text grows, everything
//! else stays as it came, in its order. Source: openrouter.ai/docs, reasoning tokens, "Preserving
//! reasoning blocks" and the shape of `reasoning_details`; platform.minimax.io, tool use and
//! interleaved thinking (whose text is repeated from its beginning); read on 2026-12-01.

use serde_json::{Map, Value};

/// Members whose pieces are added up.
const GROWING: [&str; 2] = ["text", "summary"];

/// Parts so far.
#[derive(Debug, Default)]
pub(crate) struct ReasoningDetails {
    parts: Vec<Map<String, Value>>,
}

impl ReasoningDetails {
    /// Takes the fragments of one chunk; returns the text that is new in them.
    pub(crate) fn add(&mut self, fragments: Vec<Value>) -> String {
        let mut new_text = String::new();
        for fragment in fragments {
            let Value::Object(fragment) = fragment else { continue };
            match self.parts.last_mut().filter(|part| continues(part, &fragment)) {
                Some(part) => grow(part, fragment, &mut new_text),
                None => {
                    let texts = GROWING.iter().filter_map(|name| fragment.get(*name)?.as_str());
                    texts.for_each(|text| new_text.push_str(text));
                    self.parts.push(fragment);
                }
            }
        }
        new_text
    }

    /// All parts as JSON; `None` if there are none. The next ones are others.
    pub(crate) fn take(&mut self) -> Option<String> {
        let parts = std::mem::take(&mut self.parts);
        if parts.is_empty() {
            return None;
        }
        Some(Value::Array(parts.into_iter().map(Value::Object).collect()).to_string())
    }
}

/// Does the fragment go on with this part? Encrypted data comes whole.
fn continues(part: &Map<String, Value>, fragment: &Map<String, Value>) -> bool {
    let same = |name: &str| match (part.get(name), fragment.get(name)) {
        (Some(known), Some(said)) => known == said || known.is_null() || said.is_null(),
        _ => true,
    };
    let is_text = matches!(
        fragment.get("type").and_then(Value::as_str),
        Some("reasoning.text" | "reasoning.summary")
    );
    // a signature closes its part
    let is_signed = part.get("signature").is_some_and(Value::is_string)
        && GROWING.iter().any(|name| fragment.get(*name).is_some_and(|text| text != ""));
    is_text && part.get("type") == fragment.get("type") && same("index") && same("id") && !is_signed
}

fn grow(part: &mut Map<String, Value>, fragment: Map<String, Value>, new_text: &mut String) {
    for (name, value) in fragment {
        let known = part.entry(name.clone()).or_insert(Value::Null);
        match (known, value) {
            (_, Value::Null) => {}
            (Value::String(known), Value::String(said)) if GROWING.contains(&name.as_str()) => {
                // some repeat what was said before
                let piece = said.strip_prefix(known.as_str()).filter(|_| !known.is_empty());
                let piece = piece.unwrap_or(&said);
                new_text.push_str(piece);
                known.push_str(piece);
            }
            (known, value) if known.is_null() => {
                if let Some(text) = value.as_str().filter(|_| GROWING.contains(&name.as_str())) {
                    new_text.push_str(text);
                }
                *known = value;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn together(chunks: &[Value]) -> (Value, String) {
        let mut details = ReasoningDetails::default();
        let text: String =
            chunks.iter().map(|chunk| details.add(chunk.as_array().unwrap().clone())).collect();
        (serde_json::from_str(&details.take().unwrap()).unwrap(), text)
    }

    #[test]
    fn text_grows_and_what_is_encrypted_stays_a_part_of_its_own() {
        let (details, text) = together(&[
            json!([{"type": "reasoning.text", "text": "The user ", "format": "anthropic-claude-v1", "index": 0, "id": null}]),
            json!([{"type": "reasoning.text", "text": "wants ", "index": 0}]),
            json!([{"type": "reasoning.text", "text": "weather.", "index": 0}, {"type": "reasoning.text", "signature": "c2ln", "index": 0}]),
            json!([{"type": "reasoning.encrypted", "data": "QUJD", "id": "tool_1", "format": "google-gemini-v1", "index": 1}]),
            json!([{"type": "reasoning.encrypted", "data": "REVG", "id": "tool_2", "format": "google-gemini-v1", "index": 1}]),
        ]);
        let expected = json!([
            {"type": "reasoning.text", "text": "The user wants weather.", "format": "anthropic-claude-v1", "index": 0, "id": null, "signature": "c2ln"},
            {"type": "reasoning.encrypted", "data": "QUJD", "id": "tool_1", "format": "google-gemini-v1", "index": 1},
            {"type": "reasoning.encrypted", "data": "REVG", "id": "tool_2", "format": "google-gemini-v1", "index": 1},
        ]);
        assert_eq!((details, text.as_str()), (expected, "The user wants weather."));
    }

    #[test]
    fn parts_of_other_places_are_kept_apart_and_repeated_text_is_said_once() {
        let (details, text) = together(&[
            json!([{"type": "reasoning.summary", "summary": "One.", "index": 0}]),
            json!([{"type": "reasoning.summary", "summary": "Two.", "index": 1}]),
            json!([{"type": "reasoning.text", "text": "Let", "format": "MiniMax-response-v1", "index": 2}]),
            json!([{"type": "reasoning.text", "text": "Let me", "format": "MiniMax-response-v1", "index": 2}]),
        ]);
        let expected = json!([
            {"type": "reasoning.summary", "summary": "One.", "index": 0},
            {"type": "reasoning.summary", "summary": "Two.", "index": 1},
            {"type": "reasoning.text", "text": "Let me", "format": "MiniMax-response-v1", "index": 2},
        ]);
        assert_eq!((details, text.as_str()), (expected, "One.Two.Let me"));
    }
}
