//! The whole answer, put together from its responses: what a client gets that did not ask for a
//! stream.

use serde_json::{Map, Value, json};

/// Collects responses into one.
#[derive(Debug, Default)]
pub struct GeminiResponse {
    /// Members of the answer; the last response that has one says it.
    answer: Map<String, Value>,
    candidate: Option<Map<String, Value>>,
    parts: Vec<Map<String, Value>>,
}

impl GeminiResponse {
    /// Takes one response.
    pub(crate) fn add(&mut self, data: &[u8]) {
        let Ok(Value::Object(mut response)) = serde_json::from_slice(data) else { return };
        let candidates = response.shift_remove("candidates");
        self.answer.extend(response.into_iter().filter(|(_, value)| !value.is_null()));
        let Some(Value::Array(candidates)) = candidates else { return };
        for candidate in candidates {
            if let Value::Object(candidate) = candidate
                && candidate.get("index").and_then(Value::as_u64).unwrap_or(0) == 0
            {
                self.candidate(candidate);
            }
        }
    }

    fn candidate(&mut self, mut candidate: Map<String, Value>) {
        if let Some(Value::Object(mut content)) = candidate.shift_remove("content")
            && let Some(Value::Array(parts)) = content.shift_remove("parts")
        {
            for part in parts {
                if let Value::Object(part) = part {
                    self.part(part);
                }
            }
        }
        let known = self.candidate.get_or_insert_default();
        known.extend(candidate.into_iter().filter(|(_, value)| !value.is_null()));
    }

    /// Texts of one kind are one text; its signature comes with the last of them.
    fn part(&mut self, mut part: Map<String, Value>) {
        let before = self.parts.last_mut().filter(|before| {
            is_text(before)
                && is_text(&part)
                && before.get("thought") == part.get("thought")
                && !before.contains_key("thoughtSignature")
        });
        let more = part.get("text").and_then(Value::as_str).unwrap_or_default();
        match before {
            Some(before) => {
                if let Some(Value::String(text)) = before.get_mut("text") {
                    text.push_str(more);
                }
                if let Some(signature) = part.shift_remove("thoughtSignature") {
                    before.insert("thoughtSignature".to_owned(), signature);
                }
            }
            None if is_text(&part) && more.is_empty() && !part.contains_key("thoughtSignature") => {
            }
            None => self.parts.push(part),
        }
    }

    /// The body of the answer.
    pub(crate) fn into_value(self) -> Value {
        let mut answer = Map::new();
        if let Some(others) = self.candidate {
            let mut parts: Vec<Value> = self.parts.into_iter().map(Value::Object).collect();
            if parts.is_empty() {
                parts.push(json!({"text": ""}));
            }
            let mut candidate = json!({"content": {"parts": parts, "role": "model"}});
            for (name, value) in others {
                candidate[name] = value;
            }
            answer.insert("candidates".to_owned(), json!([candidate]));
        }
        answer.extend(self.answer);
        Value::Object(answer)
    }
}

/// Nothing but a text, or a thought, and its signature.
fn is_text(part: &Map<String, Value>) -> bool {
    part.get("text").is_some_and(Value::is_string)
        && part.keys().all(|name| ["text", "thought", "thoughtSignature"].contains(&&**name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_the_sum_of_its_responses() {
        let mut whole = GeminiResponse::default();
        for response in [
            r#"{"candidates":[{"content":{"parts":[{"text":"h","thought":true}],"role":"model"},"index":0}],"responseId":"r"}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"m","thought":true}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"index":0}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":"b"},{"text":"","thoughtSignature":"c2ln"}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}"#,
            r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"totalTokenCount":3}}"#,
        ] {
            whole.add(response.as_bytes());
        }
        let parts = json!([
            {"text": "hm", "thought": true}, {"text": "ab", "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "f", "args": {}}},
        ]);
        let candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0, "finishReason": "STOP"});
        let expected = json!({"candidates": [candidate], "responseId": "r", "usageMetadata": {"totalTokenCount": 3}});
        assert_eq!(whole.into_value(), expected);
    }
}
