//! Conversations of an agent and a model, in each client's dialect.

use ainfera_schema::{Model, ModelSlug, Network, OnDisconnect, OwnDeadlines};
use ainfera_schema::{Provider, ProviderId, ProviderKind, StreamMode, Taken, Unsaid};
use ainfera_wire::client::{Call, ClientHeaders};
use ainfera_wire::model_table::ModelAbilities;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What an agent and a model say in turn: an answer, and what the agent says to it.
#[derive(Debug, Clone)]
pub struct Step {
    thinking: Option<(String, String)>,
    text: String,
    calls: Vec<ToolCall>,
    /// The results stand in the order of their calls, or the other way around.
    results_reversed: bool,
    reply: String,
    pub picture: bool,
    /// A second message of the user, right after the first.
    second: Option<String>,
    instructions: Option<Instructions>,
}

/// What the agent tells the model in the middle of the conversation.
#[derive(Debug, Clone)]
struct Instructions {
    role: &'static str,
    text: String,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// After the first result, or before everything that the agent says where there is none.
    AmidResults,
    BeforeReply,
    BetweenReplies,
    Last,
}

#[derive(Debug, Clone)]
struct ToolCall {
    id: String,
    name: String,
    arguments: String,
    result: String,
}

pub const CLIENTS: [&str; 4] = ["messages", "chat", "responses", "inference"];
pub const MODELS: [&str; 10] = [
    "their-model",
    "claude-opus-4-8",
    "claude-opus-4-7",
    "claude-opus-5-5",
    "gpt-5.2",
    "gemini-3-pro-preview",
    "gemini-2.5-flash",
    "deepseek-reasoner",
    "moonshotai/Kimi-K2-Thinking",
    "grok-4.3",
];

pub fn step() -> impl Strategy<Value = Step> {
    let signature = prop_oneof![
        Just("c2ln".to_owned()),
        Just("ainfera.gemini.text:c2ln".to_owned()),
        Just("ainfera.gemini.c2ln".to_owned()),
        Just("ainfera.deepseek.".to_owned()),
        Just("ainfera.together.".to_owned()),
        Just("ainfera.responses.c2ln".to_owned()),
        Just("ainfera.chat.".to_owned()),
    ];
    let thinking = proptest::option::of(("[a-z \n]{0,9}", signature));
    let calls = proptest::collection::vec(tool_call(), 0..4);
    let said = (thinking, "[a-z\"\n]{0,6}", calls, any::<bool>(), "[a-z\n]{0,6}", any::<bool>());
    let more = (proptest::option::of("[a-z]{1,6}"), proptest::option::of(instructions()));
    (said, more).prop_map(
        |(
            (thinking, text, mut calls, results_reversed, reply, picture),
            (second, instructions),
        )| {
            let mut ids: Vec<String> = Vec::new();
            calls.retain(|call| {
                let is_new = !ids.contains(&call.id);
                ids.push(call.id.clone());
                is_new
            });
            // somebody always says something
            let text = if text.is_empty() && calls.is_empty() { "so".to_owned() } else { text };
            let reply =
                if reply.is_empty() && calls.is_empty() { "go on".to_owned() } else { reply };
            Step { thinking, text, calls, results_reversed, reply, picture, second, instructions }
        },
    )
}

fn instructions() -> impl Strategy<Value = Instructions> {
    let role = prop_oneof![Just("system"), Just("developer")];
    let place = prop_oneof![
        Just(Place::AmidResults),
        Just(Place::BeforeReply),
        Just(Place::BetweenReplies),
        Just(Place::Last),
    ];
    (role, "[a-z\n]{1,6}", place).prop_map(|(role, text, place)| Instructions { role, text, place })
}

fn tool_call() -> impl Strategy<Value = ToolCall> {
    // some models count their calls anew in every turn
    let id = prop_oneof!["call_[0-3]", "functions\\.f:[0-2]", "toolu_[a-z]{80}", "[a-zA-Z0-9]{9}",];
    let name = prop_oneof!["f[0-2]", Just("a".repeat(70)), Just(format!("{}b", "a".repeat(70)))];
    let arguments = prop_oneof![
        Just("{}".to_owned()),
        Just("{ \"b\": 1.50, \"a\": [\"\\u0041\"] }".to_owned()),
        Just("{\"path\":\"x\\n\"}".to_owned()),
    ];
    (id, name, arguments, "[a-z\n]{0,6}").prop_map(|(id, name, arguments, result)| ToolCall {
        id,
        name,
        arguments,
        result,
    })
}

pub fn takes_pictures(kind: ProviderKind, model: &str) -> bool {
    ModelAbilities::named(kind, model, None).images() == Taken::Yes
}

const PICTURE: &str = "iVBORw0KGgo=";

impl Step {
    fn results(&self) -> Vec<&ToolCall> {
        let mut results: Vec<&ToolCall> = self.calls.iter().collect();
        if self.results_reversed {
            results.reverse();
        }
        results
    }

    /// Puts the instructions among what the agent says: results of tools, and messages of the user.
    fn with_instructions(
        &self,
        results: Vec<Value>,
        replies: Vec<Value>,
        written: impl Fn(&Instructions) -> Value,
    ) -> Vec<Value> {
        let place_of = |place| match place {
            Place::AmidResults => results.len().min(1),
            Place::BeforeReply => results.len(),
            Place::BetweenReplies => results.len() + replies.len().min(1),
            Place::Last => results.len() + replies.len(),
        };
        let placed = self.instructions.as_ref().map(|said| (place_of(said.place), written(said)));
        let mut all: Vec<Value> = results.into_iter().chain(replies).collect();
        if let Some((place, instructions)) = placed {
            all.insert(place, instructions);
        }
        all
    }

    fn of_messages(&self) -> Vec<Value> {
        let mut answer = Vec::new();
        if let Some((thinking, signature)) = &self.thinking {
            answer.push(json!({"type": "thinking", "thinking": thinking, "signature": signature}));
        }
        if !self.text.is_empty() {
            answer.push(json!({"type": "text", "text": self.text}));
        }
        answer.extend(self.calls.iter().map(|call| {
            let input: Value = serde_json::from_str(&call.arguments).unwrap();
            json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
        }));
        let mut reply: Vec<Value> = self
            .results()
            .into_iter()
            .map(|call| json!({"type": "tool_result", "tool_use_id": call.id, "content": call.result}))
            .collect();
        if !self.reply.is_empty() {
            reply.push(json!({"type": "text", "text": self.reply}));
        }
        if self.picture {
            let source = json!({"type": "base64", "media_type": "image/png", "data": PICTURE});
            reply.push(json!({"type": "image", "source": source}));
        }
        let mut messages = vec![
            json!({"role": "assistant", "content": answer}),
            json!({"role": "user", "content": reply}),
        ];
        messages.extend(self.second.iter().map(|text| json!({"role": "user", "content": text})));
        // here instructions stand after the user, and before the answer
        messages.extend(
            self.instructions.iter().map(|said| json!({"role": "system", "content": said.text})),
        );
        messages
    }

    fn of_chat(&self) -> Vec<Value> {
        let mut answer = json!({"role": "assistant", "content": self.text});
        if let Some((thinking, _)) = &self.thinking {
            answer["reasoning_content"] = json!(thinking);
        }
        if !self.calls.is_empty() {
            let calls = self.calls.iter().map(|call| {
                let function = json!({"name": call.name, "arguments": call.arguments});
                json!({"id": call.id, "type": "function", "function": function})
            });
            answer["tool_calls"] = calls.collect();
        }
        let mut messages = vec![answer];
        let results = self
            .results()
            .into_iter()
            .map(|call| json!({"role": "tool", "tool_call_id": call.id, "content": call.result}));
        let mut reply = Vec::new();
        if !self.reply.is_empty() {
            reply.push(json!({"type": "text", "text": self.reply}));
        }
        if self.picture {
            let url = format!("data:image/png;base64,{PICTURE}");
            reply.push(json!({"type": "image_url", "image_url": {"url": url}}));
        }
        let mut replies = Vec::new();
        if !reply.is_empty() {
            replies.push(json!({"role": "user", "content": reply}));
        }
        replies.extend(self.second.iter().map(|text| json!({"role": "user", "content": text})));
        messages.extend(self.with_instructions(
            results.collect(),
            replies,
            |said| json!({"role": said.role, "content": said.text}),
        ));
        messages
    }

    fn of_responses(&self) -> Vec<Value> {
        let mut items = Vec::new();
        if let Some((thinking, signature)) = &self.thinking {
            let summary = json!([{"type": "summary_text", "text": thinking}]);
            items.push(
                json!({"type": "reasoning", "summary": summary, "encrypted_content": signature}),
            );
        }
        if !self.text.is_empty() {
            let content = json!([{"type": "output_text", "text": self.text}]);
            items.push(json!({"type": "message", "role": "assistant", "content": content}));
        }
        items.extend(self.calls.iter().map(|call| {
            json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments})
        }));
        let results = self.results().into_iter().map(
            |call| json!({"type": "function_call_output", "call_id": call.id, "output": call.result}),
        );
        let mut reply = Vec::new();
        if !self.reply.is_empty() {
            reply.push(json!({"type": "input_text", "text": self.reply}));
        }
        if self.picture {
            let url = format!("data:image/png;base64,{PICTURE}");
            reply.push(json!({"type": "input_image", "image_url": url}));
        }
        let mut replies = Vec::new();
        if !reply.is_empty() {
            replies.push(json!({"role": "user", "content": reply}));
        }
        replies.extend(self.second.iter().map(|text| json!({"role": "user", "content": text})));
        items.extend(self.with_instructions(results.collect(), replies, |said| {
            json!({"role": said.role, "content": [{"type": "input_text", "text": said.text}]})
        }));
        items
    }
}

/// The call after these steps.
pub fn call(client: &str, steps: &[Step]) -> Call {
    let said = |of: fn(&Step) -> Vec<Value>| {
        let begun = json!({"role": "user", "content": "mend the test"});
        let steps = steps.iter().flat_map(of);
        std::iter::once(begun).chain(steps).collect::<Vec<Value>>()
    };
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let names = ["f0".to_owned(), "f1".to_owned(), "f2".to_owned(), "a".repeat(70)];
    let names = names.into_iter().chain([format!("{}b", "a".repeat(70))]);
    let function = |name: String| json!({"name": name, "parameters": schema});
    let body = match client {
        "messages" => {
            let tools = names.map(|name| json!({"name": name, "input_schema": schema}));
            json!({"model": "m", "max_tokens": 900, "system": "be brief", "tools": tools.collect::<Value>(),
                "messages": said(Step::of_messages)})
        }
        "responses" => {
            let tools =
                names.map(|name| json!({"type": "function", "name": name, "parameters": schema}));
            json!({"model": "m", "max_output_tokens": 900, "instructions": "be brief", "store": false,
                "tools": tools.collect::<Value>(), "input": said(Step::of_responses)})
        }
        _ => {
            let tools = names.map(|name| json!({"type": "function", "function": function(name)}));
            let system = json!({"role": "system", "content": "be brief"});
            let messages = std::iter::once(system).chain(said(Step::of_chat));
            json!({"model": "m", "max_completion_tokens": 900, "tools": tools.collect::<Value>(),
                "messages": messages.collect::<Value>()})
        }
    };
    let parse = match client {
        "messages" => Call::from_messages,
        "responses" => Call::from_responses,
        "inference" => Call::from_inference,
        _ => Call::from_chat,
    };
    parse(Bytes::from(body.to_string()), ClientHeaders::default(), &|_| 1).unwrap()
}

pub fn provider(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("p"),
        kind,
        base_url: "https://vendor.example".to_owned(),
        api_key: None,
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
        stream_mode: StreamMode::Native,
        network: Network::default(),
        deadlines: OwnDeadlines::default(),
        unsaid: Unsaid::default(),
    }
}

pub fn model(name: &str) -> Model {
    Model {
        slug: ModelSlug::new("m"),
        provider: ProviderId::new("p"),
        upstream_name: name.to_owned(),
        maker: "p".to_owned(),
        q_prior: None,
        price: None,
        m_allowed: None,
        supports_tools: true,
        reasoning: None,
        stream_mode: StreamMode::Native,
        context_window: None,
        max_output_tokens: None,
        takes: ainfera_schema::ModelTakes::default(),
        expected_latency_ms: None,
        as_of: None,
        deadlines: OwnDeadlines::default(),
    }
}
