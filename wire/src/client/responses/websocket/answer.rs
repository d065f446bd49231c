//! What is remembered of an answer while its events pass: its name, how it ended, and its items.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::previous::PreviousResponse;

/// Looks at the events of one response.
#[derive(Debug, Default)]
pub struct AnswerWatch {
    id: Option<String>,
    items: Vec<Box<RawValue>>,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Failed,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct WithItem {
    item: Box<RawValue>,
}

#[derive(Deserialize)]
struct WithResponse {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    id: String,
    #[serde(default)]
    output: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    encrypted_content: Option<&'a RawValue>,
}

/// Reasoning that is not encrypted stands for something that only its provider may have kept, and
/// that one refuses it where it did not.
fn can_be_sent_back(item: &RawValue) -> bool {
    match serde_json::from_str::<Item<'_>>(item.get()) {
        Ok(item) => item.kind != "reasoning" || item.encrypted_content.is_some(),
        Err(_) => true,
    }
}

impl AnswerWatch {
    /// Takes one event: its name, which may be left out, and its JSON.
    pub fn observe(&mut self, name: &[u8], data: &[u8]) {
        let named = || serde_json::from_slice::<Named<'_>>(data).ok().map(|event| event.kind);
        let kind = match std::str::from_utf8(name) {
            Ok("") | Err(_) => named().unwrap_or_default(),
            Ok(name) => name.into(),
        };
        match &*kind {
            "response.created" => {
                if let Ok(event) = serde_json::from_slice::<WithResponse>(data) {
                    self.id = Some(event.response.id);
                }
            }
            "response.output_item.done" => {
                if let Ok(event) = serde_json::from_slice::<WithItem>(data) {
                    self.items.push(event.item);
                }
            }
            "response.completed" | "response.incomplete" => {
                self.end = Some(End::Complete);
                if let Ok(WithResponse { response }) = serde_json::from_slice(data) {
                    self.id = Some(response.id);
                    // some providers leave the items out of the last event
                    if !response.output.is_empty() {
                        self.items = response.output;
                    }
                }
            }
            "response.failed" | "error" => self.end = Some(End::Failed),
            _ => {}
        }
    }

    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Did its last event come?
    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// What the next call may go on from, if this answer to `body` did not fail.
    pub fn into_previous(self, body: Bytes) -> Option<PreviousResponse> {
        let is_complete = self.end == Some(End::Complete);
        let id = self.id.filter(|_| is_complete)?;
        let (kept, unusable): (Vec<_>, Vec<_>) =
            self.items.into_iter().partition(|item| can_be_sent_back(item));
        Some(PreviousResponse::new(id, body, kept).without(unusable.len()))
    }
}
