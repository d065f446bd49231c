//! The whole answer, put together from its chunks: what a client gets that did not ask for a
//! stream.

use serde_json::{Map, Value, json};

/// Collects chunks into one `chat.completion` object.
#[derive(Debug, Default)]
pub struct ChatCompletion {
    /// Members of the answer itself; the last chunk that has one says it.
    answer: Map<String, Value>,
    message: Map<String, Value>,
    calls: Vec<Map<String, Value>>,
    finish_reason: Value,
    logprobs: Value,
    /// Members of the choice that we do not know.
    choice: Map<String, Value>,
}

impl ChatCompletion {
    /// Takes one chunk. `[DONE]` is none.
    pub fn add(&mut self, data: &[u8]) {
        let Ok(Value::Object(mut chunk)) = serde_json::from_slice(data) else { return };
        chunk.shift_remove("object");
        let choices = chunk.shift_remove("choices");
        for (name, value) in chunk {
            if !value.is_null() {
                self.answer.insert(name, value);
            }
        }
        let Some(Value::Array(choices)) = choices else { return };
        for choice in choices {
            if let Value::Object(choice) = choice
                && choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0
            {
                self.choice(choice);
            }
        }
    }

    fn choice(&mut self, mut choice: Map<String, Value>) {
        choice.shift_remove("index");
        if let Some(Value::Object(delta)) = choice.shift_remove("delta") {
            self.delta(delta);
        }
        if let Some(reason) =
            choice.shift_remove("finish_reason").filter(|reason| !reason.is_null())
        {
            self.finish_reason = reason;
        }
        if let Some(logprobs) = choice.shift_remove("logprobs") {
            grow(&mut self.logprobs, logprobs);
        }
        self.choice.extend(choice.into_iter().filter(|(_, value)| !value.is_null()));
    }

    fn delta(&mut self, mut delta: Map<String, Value>) {
        if let Some(Value::Array(calls)) = delta.shift_remove("tool_calls") {
            for call in calls {
                self.call(call);
            }
        }
        for (name, value) in delta {
            match name.as_str() {
                "role" => {
                    self.message.insert(name, value);
                }
                _ => grow(self.message.entry(name).or_insert(Value::Null), value),
            }
        }
    }

    fn call(&mut self, call: Value) {
        let Value::Object(mut call) = call else { return };
        let index = call
            .shift_remove("index")
            .and_then(|index| usize::try_from(index.as_u64()?).ok())
            .unwrap_or(0);
        // a hole would be a call that nobody made
        if index > self.calls.len() {
            return;
        }
        if index == self.calls.len() {
            self.calls.push(Map::new());
        }
        for (name, value) in call {
            let known = self.calls[index].entry(name.clone()).or_insert(Value::Null);
            if matches!(name.as_str(), "id" | "type") {
                if known.is_null() {
                    *known = value;
                }
            } else {
                grow(known, value);
            }
        }
    }

    /// The body of the answer.
    pub fn into_value(self) -> Value {
        let mut message = json!({"role": "assistant", "content": null, "refusal": null});
        for (name, value) in self.message {
            message[name] = value;
        }
        if !self.calls.is_empty() {
            if message["content"] == "" {
                message["content"] = Value::Null;
            }
            message["tool_calls"] =
                Value::Array(self.calls.into_iter().map(Value::Object).collect());
        }
        let mut choice = json!({"index": 0, "message": message, "logprobs": self.logprobs, "finish_reason": self.finish_reason});
        for (name, value) in self.choice {
            choice[name] = value;
        }
        let mut answer = json!({});
        for (name, value) in self.answer {
            answer[name] = value;
        }
        answer["object"] = json!("chat.completion");
        answer["choices"] = json!([choice]);
        answer
    }
}

/// As official clients do it: strings are added up, lists too, objects member by member, and
/// anything else replaces.
fn grow(known: &mut Value, more: Value) {
    match (known, more) {
        (_, Value::Null) => {}
        (Value::String(known), Value::String(more)) => known.push_str(&more),
        (Value::Array(known), Value::Array(more)) => known.extend(more),
        (Value::Object(known), Value::Object(more)) => {
            for (name, value) in more {
                grow(known.entry(name).or_insert(Value::Null), value);
            }
        }
        (known, more) => *known = more,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_is_the_sum_of_its_chunks() {
        let mut completion = ChatCompletion::default();
        for chunk in [
            r#"{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null,"logprobs":null}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"a","vendors":"x"},"logprobs":{"content":[1]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"content":"b","vendors":"y"},"logprobs":{"content":[2]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}},{"index":1,"id":"u","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}"#,
            r#"{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"ainfera":{"receipt_id":"r"}}"#,
            r#"{"id":"c","choices":[],"usage":{"total_tokens":9}}"#,
            "[DONE]",
        ] {
            completion.add(chunk.as_bytes());
        }
        assert_eq!(
            completion.into_value(),
            json!({
                "id": "c", "created": 7, "model": "m", "ainfera": {"receipt_id": "r"}, "usage": {"total_tokens": 9}, "object": "chat.completion",
                "choices": [{
                    "index": 0,
                    "message": {"role": "assistant", "content": "ab", "refusal": null, "vendors": "xy", "tool_calls": [
                        {"id": "t", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}},
                        {"id": "u", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    ]},
                    "logprobs": {"content": [1, 2]}, "finish_reason": "tool_calls",
                }],
            })
        );
    }

    #[test]
    fn calls_without_words_have_no_content() {
        let mut completion = ChatCompletion::default();
        completion.add(br#"{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]}}]}"#);
        assert_eq!(completion.into_value()["choices"][0]["message"]["content"], Value::Null);
    }
}
