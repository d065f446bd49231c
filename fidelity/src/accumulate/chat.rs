//! A Chat Completions client.

use serde_json::{Map, Value, json};

use super::Understood;
use super::frames::Frame;
use crate::answer::{Answer, Ending, ToolCall, number, text};
use crate::expectation::chat::usage;

/// As the official SDKs accumulate: strings are appended, whatever key they stand under, so that a
/// name that is repeated becomes another one.
pub fn stream(frames: &[Frame]) -> Understood {
    let mut client = Client::default();
    for frame in frames {
        client.hear(frame);
    }
    client.end()
}

/// A whole completion; the finish reason as it is.
pub fn whole(body: &Value) -> Answer {
    let choice = &body["choices"][0];
    message(&choice["message"], choice["finish_reason"].as_str(), &body["usage"])
}

fn message(message: &Value, finish: Option<&str>, said_usage: &Value) -> Answer {
    Answer {
        blocks: None,
        text: format!("{}{}", text(message, "/content"), text(message, "/refusal")),
        // two vendors, two names
        reasoning: format!(
            "{}{}",
            text(message, "/reasoning_content"),
            text(message, "/reasoning")
        ),
        calls: message["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| {
                ToolCall::new(
                    text(call, "/id"),
                    text(call, "/function/name"),
                    text(call, "/function/arguments"),
                )
            })
            .collect(),
        ending: match finish {
            // a client knows a refusal by its text as well as by the word
            Some("stop") if !text(message, "/refusal").is_empty() => {
                Ending::Stopped("content_filter".to_owned())
            }
            Some(word) => Ending::Stopped(word.to_owned()),
            None => Ending::Missing,
        },
        usage: said_usage.is_object().then(|| usage(said_usage)),
    }
}

#[derive(Default)]
struct Client {
    understood: Understood,
    /// `id` and `model` of the first chunk.
    head: Option<[Value; 2]>,
    ainfera: Value,
    message: Map<String, Value>,
    finish: Option<String>,
    usage: Value,
    failed: Option<String>,
    done: bool,
}

impl Client {
    fn hear(&mut self, frame: &Frame) {
        if self.done || self.failed.is_some() {
            self.understood.complain("words after the end");
        }
        if !frame.name.is_empty() {
            self.understood.complain(format!("an event name: {}", frame.name));
        }
        if frame.data == "[DONE]" {
            if self.finish.is_none() {
                self.understood.complain("[DONE] before a finish reason");
            }
            self.done = true;
            return;
        }
        let chunk = &frame.json;
        if !chunk["error"].is_null() {
            self.understood.error = chunk["error"].clone();
            self.failed = Some(text(chunk, "/error/message").to_owned());
            return;
        }
        self.check_head(chunk);
        if !chunk["ainfera"].is_null() {
            self.ainfera = chunk["ainfera"].clone();
        }
        if chunk["usage"].is_object() {
            if !self.usage.is_null() {
                self.understood.complain("usage twice");
            }
            self.usage = chunk["usage"].clone();
        } else if !self.usage.is_null() {
            self.understood.complain("a chunk after the usage chunk");
        }
        match chunk["choices"].as_array() {
            None => self.understood.complain("a chunk without choices"),
            Some(choices) => {
                if choices.len() > 1 || choices.is_empty() && !chunk["usage"].is_object() {
                    self.understood.complain(format!("a chunk of {} choices", choices.len()));
                }
                choices.iter().for_each(|choice| self.choice(choice));
            }
        }
    }

    fn check_head(&mut self, chunk: &Value) {
        if text(chunk, "/object") != "chat.completion.chunk" {
            self.understood.complain(format!("object {}", chunk["object"]));
        }
        let head = [chunk["id"].clone(), chunk["model"].clone()];
        if !head[0].is_string() || self.head.get_or_insert_with(|| head.clone()) != &head {
            self.understood.complain("another id or another model");
        }
        if chunk["created"].as_u64().is_none() || !chunk["model"].is_string() {
            self.understood.complain("no created or no model");
        }
    }

    fn choice(&mut self, choice: &Value) {
        if choice["index"].as_u64() != Some(0) {
            self.understood.complain("a choice whose index is not 0");
        }
        if self.finish.is_some() {
            self.understood.complain("a choice after the finish reason");
        }
        if self.message.is_empty() && text(choice, "/delta/role") != "assistant" {
            self.understood.complain("the first delta has no role");
        }
        let Some(delta) = choice["delta"].as_object() else {
            self.understood.complain("a choice without a delta");
            return;
        };
        for (key, value) in delta {
            match (key.as_str(), value) {
                ("tool_calls", Value::Array(calls)) => {
                    calls.iter().for_each(|call| self.call(call))
                }
                // clients put lists together by the index of their elements
                ("reasoning_details", Value::Array(parts))
                    if parts.iter().all(|part| part["index"].is_number()) =>
                {
                    let known = self.message.entry(key.clone()).or_insert(json!([]));
                    known.as_array_mut().into_iter().for_each(|all| all.extend(parts.clone()));
                }
                ("extra_content", Value::Object(_)) => {
                    self.message.insert(key.clone(), value.clone());
                }
                (_, value) => {
                    if !value.is_string() && !value.is_null() {
                        self.understood.complaints.push(format!("{key} is no text"));
                    }
                    grow(&mut self.message, key, value);
                }
            }
        }
        if let Some(word) = choice["finish_reason"].as_str() {
            self.finish = Some(word.to_owned());
        }
    }

    fn call(&mut self, call: &Value) {
        let index = usize::try_from(number(call, "/index")).unwrap_or(usize::MAX);
        if call["index"].as_u64().is_none() {
            self.understood.complain("a call without an index");
        }
        let calls = self.message.entry("tool_calls").or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(calls) = calls else { return };
        if index == calls.len() {
            if text(call, "/id").is_empty()
                || text(call, "/function/name").is_empty()
                || text(call, "/type") != "function"
            {
                self.understood
                    .complaints
                    .push("a call that begins without id, type or name".to_owned());
            }
            if calls.iter().any(|known| known["id"] == call["id"]) {
                self.understood.complaints.push("two calls of one id".to_owned());
            }
            calls.push(Value::Object(Map::new()));
        } else if [call.get("id"), call.get("type"), call.pointer("/function/name")]
            .iter()
            .any(Option::is_some)
        {
            // official clients add up what is said twice
            self.understood.complaints.push("a call's id, type or name is said twice".to_owned());
        }
        match calls.get_mut(index).and_then(Value::as_object_mut) {
            Some(known) => grow_all(known, call),
            None => {
                self.understood.complaints.push(format!("call {index} after {} calls", calls.len()))
            }
        }
    }

    fn end(mut self) -> Understood {
        let has_calls = self
            .message
            .get("tool_calls")
            .and_then(Value::as_array)
            .is_some_and(|calls| !calls.is_empty());
        if self.finish.as_deref() == Some("stop") && has_calls {
            self.understood.complain("a tool call, but the finish reason is stop");
        }
        self.understood.body = self.completion();
        let mut answer = message(&Value::Object(self.message), self.finish.as_deref(), &self.usage);
        if !self.done {
            answer.ending = Ending::Missing;
        }
        if let Some(message) = self.failed {
            answer.ending = Ending::Failed(message);
        }
        self.understood.answer = answer;
        self.understood
    }
}

impl Client {
    /// What a `chat.completion` would say, without what only chunks have.
    fn completion(&self) -> Value {
        let mut message = json!({"role": null, "content": null});
        for (key, value) in self.message.iter().filter(|(_, value)| !value.is_null()) {
            message[key] = value.clone();
        }
        for call in message
            .pointer_mut("/tool_calls")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            call.remove("index");
        }
        let [id, model] = self.head.clone().unwrap_or_default();
        let mut completion =
            json!({"id": id, "model": model, "message": message, "finish_reason": self.finish});
        for (key, value) in [("usage", &self.usage), ("ainfera", &self.ainfera)] {
            if !value.is_null() {
                completion[key] = value.clone();
            }
        }
        completion
    }
}

fn grow_all(known: &mut Map<String, Value>, more: &Value) {
    for (key, value) in more.as_object().into_iter().flatten() {
        grow(known, key, value);
    }
}

fn grow(known: &mut Map<String, Value>, key: &str, value: &Value) {
    match (known.get_mut(key), value) {
        (Some(Value::String(text)), Value::String(piece)) if key != "type" => text.push_str(piece),
        (Some(Value::Object(inner)), more) => grow_all(inner, more),
        (Some(_), Value::Null) => {}
        (_, value) => {
            known.insert(key.to_owned(), value.clone());
        }
    }
}
