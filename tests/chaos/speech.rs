//! What a stream said, judged from its raw bytes and from nothing else. Lenient on purpose: it must notice a success that a strict reader would refuse.

use serde_json::Value;

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Speech {
    pub stop_reason: Option<String>,
    pub message_stop: bool,
    /// The `error` event's type.
    pub error: Option<String>,
    pub text: String,
    pub starts: usize,
}

impl Speech {
    pub fn read(body: &[u8]) -> Self {
        let mut speech = Self::default();
        for line in body.split(|byte| *byte == b'\n' || *byte == b'\r') {
            let Some(data) = line.strip_prefix(b"data:") else { continue };
            let Ok(event) = serde_json::from_slice::<Value>(data) else { continue };
            speech.hear(&event);
        }
        speech
    }

    /// It claims to be a whole answer.
    pub fn claims_success(&self) -> bool {
        self.message_stop || self.stop_reason.is_some()
    }

    pub fn has_content(&self) -> bool {
        !self.text.is_empty()
    }

    fn hear(&mut self, event: &Value) {
        match event["type"].as_str() {
            Some("message_start") => {
                self.starts += 1;
                self.note_stop(&event["message"]["stop_reason"]);
            }
            Some("message_delta") => self.note_stop(&event["delta"]["stop_reason"]),
            Some("message_stop") => self.message_stop = true,
            Some("error") => self.error = Some(event["error"]["type"].as_str().unwrap_or("error without a type").to_owned()),
            Some("content_block_delta") => self.text.push_str(event["delta"]["text"].as_str().unwrap_or_default()),
            _ => {}
        }
    }

    fn note_stop(&mut self, reason: &Value) {
        if !reason.is_null() {
            self.stop_reason = Some(reason.to_string());
        }
    }
}
