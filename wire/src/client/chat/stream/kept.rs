//! What a Chat client is given to keep of an answer that another dialect's provider made: thought
//! signatures as Gemini's own Chat endpoint gives them, and other vendors' signed thoughts as
//! `reasoning_details` with a mark of whose they are.

use serde_json::{Value, json};

use crate::signature::{ANTHROPIC_MARK, Issuer, read};
use crate::thought_signatures::{On, given_back};

/// What waits for its place, and how many parts there have been.
#[derive(Debug, Default)]
pub(crate) struct KeptSignatures {
    /// Of the call that follows.
    call: Option<String>,
    /// Of the text: the last one counts.
    text: Option<String>,
    /// What the open block says so far.
    thought: String,
    parts: usize,
}

impl KeptSignatures {
    pub(crate) fn block_begins(&mut self) {
        self.thought.clear();
    }

    pub(crate) fn thought(&mut self, text: &str) {
        self.thought.push_str(text);
    }

    /// Members of the delta that a signature is told in at once, if it has no place of its own.
    pub(crate) fn signature(&mut self, signature: &str) -> Option<Value> {
        match given_back(signature) {
            Some((On::Call, signed)) => self.call = Some(signed.to_owned()),
            Some((On::Text, signed)) => self.text = Some(signed.to_owned()),
            None => return self.part(signature),
        }
        None
    }

    fn part(&mut self, signature: &str) -> Option<Value> {
        let marked = match read(signature) {
            (Issuer::Anthropic, "") => return None,
            (Issuer::Anthropic, own) => format!("{ANTHROPIC_MARK}{own}"),
            (_, _) => signature.to_owned(),
        };
        let index = self.parts;
        self.parts += 1;
        let text = std::mem::take(&mut self.thought);
        Some(json!({"reasoning_details": [
            {"type": "reasoning.text", "text": text, "signature": marked, "index": index},
        ]}))
    }

    /// `extra_content` of the call that begins.
    pub(crate) fn of_call(&mut self) -> Option<Value> {
        self.call.take().map(|signed| google(&signed))
    }

    /// Members of the last delta.
    pub(crate) fn of_text(&mut self) -> Option<Value> {
        self.text.take().map(|signed| json!({"extra_content": google(&signed)}))
    }
}

fn google(signed: &str) -> Value {
    json!({"google": {"thought_signature": signed}})
}
