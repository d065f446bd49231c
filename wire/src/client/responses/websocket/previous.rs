//! The last response of a connection: what the next call may go on from. It is kept in memory only,
//! and does not depend on who answered.

use bytes::Bytes;
use serde_json::json;
use serde_json::value::RawValue;

use super::{input, members};
use crate::error::bad_request::BadRequest;

/// See the module.
#[derive(Debug)]
pub struct PreviousResponse {
    pub id: String,
    /// Its call's body, which has the whole conversation before it.
    body: Bytes,
    output: Vec<Box<RawValue>>,
    /// Items of reasoning that could not be kept.
    left_out: usize,
}

impl PreviousResponse {
    pub fn new(id: String, body: Bytes, output: Vec<Box<RawValue>>) -> Self {
        Self { id, body, output, left_out: 0 }
    }

    pub(super) fn without(self, left_out: usize) -> Self {
        Self { left_out, ..self }
    }

    /// What a call that goes on from here is to be told of it.
    pub fn losses(&self) -> impl Iterator<Item = String> {
        let loss = "previous_response_id.reasoning=dropped:not_encrypted";
        (self.left_out > 0).then(|| loss.to_owned()).into_iter()
    }

    /// How much memory it takes.
    pub fn bytes(&self) -> usize {
        self.body.len() + self.output.iter().map(|item| item.get().len()).sum::<usize>()
    }

    /// How many items there are before those of the next call.
    pub fn items(&self) -> usize {
        let members = members(&self.body);
        let said = members.as_ref().map(|members| items(input(members)).map_or(0, |all| all.len()));
        said.unwrap_or(0) + self.output.len()
    }

    /// The conversation so far and what is said next, as one `input`.
    pub(super) fn followed_by(&self, next: Option<&RawValue>) -> Result<String, BadRequest> {
        let before = members(&self.body)?;
        let said = items(input(&before))?;
        let next = items(next)?;
        let answered = self.output.iter().map(|item| item.get());
        let all = said.iter().map(AsRef::as_ref).chain(answered);
        let all: Vec<&str> = all.chain(next.iter().map(AsRef::as_ref)).collect();
        Ok(format!("[{}]", all.join(",")))
    }

    /// A field of the joined body under the name that it has in the caller's message.
    pub fn callers_field(&self, field: &str) -> String {
        let rest = field.strip_prefix("input.");
        let Some((number, inside)) = rest.map(|rest| rest.split_once('.').unwrap_or((rest, "")))
        else {
            return field.to_owned();
        };
        let (Ok(place), before) = (number.parse::<usize>(), self.items()) else {
            return field.to_owned();
        };
        let dot = if inside.is_empty() { "" } else { "." };
        match place.checked_sub(before) {
            Some(own) => format!("input.{own}{dot}{inside}"),
            None => format!("previous_response_id.{place}{dot}{inside}"),
        }
    }
}

/// The items of an `input`, each as it came.
fn items(input: Option<&RawValue>) -> Result<Vec<std::borrow::Cow<'_, str>>, BadRequest> {
    let Some(input) = input else { return Ok(Vec::new()) };
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(input.get()) {
        return Ok(items.into_iter().map(|item| item.get().into()).collect());
    }
    match serde_json::from_str::<String>(input.get()) {
        Ok(text) if text.is_empty() => Ok(Vec::new()),
        Ok(text) => {
            let message = json!({"type": "message", "role": "user", "content": text});
            Ok(vec![message.to_string().into()])
        }
        Err(_) => Err(BadRequest::new("input", "must be a string or an array of items")),
    }
}
