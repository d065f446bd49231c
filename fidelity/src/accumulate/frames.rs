//! The bytes of a stream as frames, read as the pickiest client reads them.

use serde_json::Value;

/// One frame: at most an event name, and one line of data.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub name: String,
    pub data: String,
    /// Null where the data is no JSON.
    pub json: Value,
}

/// All frames, and what is wrong with the bytes between them.
pub fn frames(bytes: &[u8]) -> (Vec<Frame>, Vec<String>) {
    let mut complaints = Vec::new();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(error) => {
            complaints.push(format!("not UTF-8: {error}"));
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    if text.contains('\r') {
        complaints.push("a carriage return".to_owned());
    }
    if !text.is_empty() && !text.ends_with("\n\n") {
        complaints.push("the last frame is not ended".to_owned());
    }
    let mut frames = Vec::new();
    for block in text.split("\n\n").filter(|block| !block.is_empty()) {
        let lines: Vec<&str> = block.split('\n').collect();
        let (name, data) = match lines.as_slice() {
            [comment] if comment.starts_with(':') => continue,
            [data] => ("", data.strip_prefix("data: ")),
            [name, data] => match name.strip_prefix("event: ") {
                Some(name) => (name, data.strip_prefix("data: ")),
                None => ("", None),
            },
            _ => ("", None),
        };
        match data {
            Some(data) => {
                let json = serde_json::from_str(data).unwrap_or_default();
                frames.push(Frame { name: name.to_owned(), data: data.to_owned(), json });
            }
            None => complaints.push(format!("no frame: {block:?}")),
        }
    }
    (frames, complaints)
}
