//! A conversation of one client: it keeps what it is given and gives it back.

use serde_json::{Value, json};

use crate::support::{Answer, Gateway};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    Messages,
    Chat,
    /// A client of Chat Completions that keeps what the reference of OpenAI has, and no more.
    PlainChat,
    Responses,
}

pub const ALL: [Speaks; 3] = [Speaks::Messages, Speaks::Chat, Speaks::Responses];

pub struct Talk {
    speaks: Speaks,
    pub body: Value,
}

impl Talk {
    pub fn new(speaks: Speaks) -> Self {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        let question = json!([{"role": "user", "content": "What is the weather in Oslo?"}]);
        let body = match speaks {
            Speaks::Messages => json!({"model": "theirs", "max_tokens": 500, "messages": question,
                "tools": [{"name": "get_weather", "input_schema": schema}]}),
            Speaks::Chat | Speaks::PlainChat => {
                json!({"model": "theirs", "max_tokens": 500, "messages": question,
                "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]})
            }
            Speaks::Responses => {
                json!({"model": "theirs", "max_output_tokens": 500, "input": question,
                "tools": [{"type": "function", "name": "get_weather", "parameters": schema}]})
            }
        };
        Self { speaks, body }
    }

    pub async fn ask(&self, gateway: &Gateway) -> Answer {
        let path = match self.speaks {
            Speaks::Messages => "/v1/messages",
            Speaks::Chat | Speaks::PlainChat => "/v1/chat/completions",
            Speaks::Responses => "/v1/responses",
        };
        gateway.call_at(path, &self.body, &[]).await
    }

    /// Asks, and goes on with what came: the answer, and a result for each of its calls.
    pub async fn turn(&mut self, gateway: &Gateway) -> Answer {
        let answer = self.ask(gateway).await;
        assert_eq!(answer.status, 200, "{:?} {}", self.speaks, answer.text());
        let said = answer.json();
        let (list, kept) = match self.speaks {
            Speaks::Messages => ("messages", messages_turn(&said)),
            Speaks::Chat => ("messages", chat_turn(said["choices"][0]["message"].clone())),
            Speaks::PlainChat => {
                let message = &said["choices"][0]["message"];
                let mut plain = json!({"role": "assistant", "content": message["content"]});
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let mut call = call.clone();
                    call.as_object_mut()
                        .unwrap()
                        .retain(|name, _| ["id", "type", "function"].contains(&name.as_str()));
                    if plain.get("tool_calls").is_none() {
                        plain["tool_calls"] = json!([]);
                    }
                    plain["tool_calls"].as_array_mut().unwrap().push(call);
                }
                ("messages", chat_turn(plain))
            }
            Speaks::Responses => ("input", responses_turn(&said)),
        };
        self.body[list].as_array_mut().unwrap().extend(kept);
        answer
    }
}

fn messages_turn(said: &Value) -> Vec<Value> {
    let content = said["content"].as_array().unwrap();
    let results: Vec<Value> = content
        .iter()
        .filter(|block| block["type"] == "tool_use")
        .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "4 C"}))
        .collect();
    let next = if results.is_empty() { json!("And tomorrow?") } else { json!(results) };
    vec![json!({"role": "assistant", "content": content}), json!({"role": "user", "content": next})]
}

fn chat_turn(message: Value) -> Vec<Value> {
    let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
    let mut turn = vec![message];
    turn.extend(
        calls
            .iter()
            .map(|call| json!({"role": "tool", "tool_call_id": call["id"], "content": "4 C"})),
    );
    if calls.is_empty() {
        turn.push(json!({"role": "user", "content": "And tomorrow?"}));
    }
    turn
}

fn responses_turn(said: &Value) -> Vec<Value> {
    let mut turn = said["output"].as_array().unwrap().clone();
    let calls: Vec<Value> = turn
        .iter()
        .filter(|item| item["type"] == "function_call")
        .map(|call| json!({"type": "function_call_output", "call_id": call["call_id"], "output": "4 C"}))
        .collect();
    if calls.is_empty() {
        turn.push(json!({"role": "user", "content": "And tomorrow?"}));
    }
    turn.extend(calls);
    turn
}
