//! What clients ask for besides the conversation, in each dialect.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// In which dialect a client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientOf {
    Messages,
    Chat,
    Responses,
}

/// What a client asks for besides the conversation.
#[derive(Debug, Clone)]
pub struct Wishes {
    pub temperature: bool,
    pub top_p: bool,
    pub stop: bool,
    pub penalty: bool,
    pub effort: Option<&'static str>,
    pub forced_tool: bool,
    pub tool_schema: Option<usize>,
    pub strict_tool: bool,
    pub answer_schema: Option<usize>,
    pub begun_answer: bool,
    pub max_tokens: u64,
}

pub fn wishes() -> impl Strategy<Value = Wishes> {
    let flag = any::<bool>;
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let effort = proptest::option::of(proptest::sample::select(efforts.to_vec()));
    let sampling = (flag(), flag(), flag(), flag());
    let tools = (flag(), proptest::option::of(0usize..5), flag());
    let rest = (proptest::option::of(0usize..4), flag(), 50u64..400_000);
    (sampling, effort, tools, rest).prop_map(
        |(
            (temperature, top_p, stop, penalty),
            effort,
            (forced_tool, tool_schema, strict_tool),
            (answer_schema, begun_answer, max_tokens),
        )| Wishes {
            temperature,
            top_p,
            stop,
            penalty,
            effort,
            forced_tool,
            tool_schema,
            strict_tool,
            answer_schema,
            begun_answer,
            max_tokens,
        },
    )
}

/// Schemas of tools, plain and combined.
pub fn tool_schema(index: usize) -> Value {
    let city = json!({"type": "object", "properties": {"city": {"type": "string", "minLength": 2}}, "required": ["city"]});
    match index {
        0 => city,
        1 => {
            json!({"anyOf": [city, {"type": "object", "properties": {"zip": {"type": "string"}}}]})
        }
        2 => json!({"$ref": "#/$defs/place", "$defs": {"place": city}}),
        3 => json!({}),
        _ => {
            json!({"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"],
            "additionalProperties": false})
        }
    }
}

/// Schemas of answers, open and bounded.
fn answer_schema(index: usize) -> Value {
    let score = json!({"type": "integer", "minimum": 1, "maximum": 10});
    match index {
        0 => {
            json!({"type": "object", "properties": {"score": score}, "required": ["score"], "additionalProperties": false})
        }
        1 => json!({"type": "object", "properties": {"city": {"type": "string", "maxLength": 80}}}),
        2 => {
            json!({"type": "object", "properties": {"one": {"oneOf": [score, {"type": "null"}]}}, "required": ["one"]})
        }
        _ => {
            json!({"type": "object", "properties": {"all": {"type": "array", "items": {"type": "object", "properties": {"a": score}}, "maxItems": 3}}})
        }
    }
}

pub fn body(client: ClientOf, wishes: &Wishes) -> Value {
    let mut messages = vec![json!({"role": "user", "content": "hi"})];
    if wishes.begun_answer {
        messages.push(json!({"role": "assistant", "content": "{"}));
    }
    let mut body = json!({"model": "m"});
    let turns = if client == ClientOf::Responses { "input" } else { "messages" };
    body[turns] = json!(messages);
    let mut set = |name: &str, value: Value| body[name] = value;
    if wishes.temperature {
        set("temperature", json!(0.37));
    }
    if wishes.top_p {
        set("top_p", json!(0.91));
    }
    if let Some(index) = wishes.tool_schema {
        set("tools", json!([tool(client, tool_schema(index), wishes.strict_tool)]));
        if wishes.forced_tool {
            let any = json!({"type": "any"});
            set("tool_choice", if client == ClientOf::Messages { any } else { json!("required") });
        }
    }
    let schema = wishes.answer_schema.map(answer_schema);
    match client {
        ClientOf::Messages => messages_members(wishes, schema, &mut set),
        ClientOf::Chat => {
            set("max_completion_tokens", json!(wishes.max_tokens));
            if let Some(effort) = wishes.effort {
                set("reasoning_effort", json!(effort));
            }
            if let Some(schema) = schema {
                set(
                    "response_format",
                    json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}),
                );
            }
            if wishes.stop {
                set("stop", json!(["STOPWORD"]));
            }
            if wishes.penalty {
                set("presence_penalty", json!(0.13));
            }
        }
        ClientOf::Responses => {
            set("max_output_tokens", json!(wishes.max_tokens));
            if let Some(effort) = wishes.effort {
                set("reasoning", json!({"effort": effort}));
            }
            if let Some(schema) = schema {
                let format =
                    json!({"type": "json_schema", "name": "n", "schema": schema, "strict": false});
                set("text", json!({"format": format}));
            }
        }
    }
    body
}

/// The members that Anthropic's dialect has a form of its own for.
fn messages_members(wishes: &Wishes, schema: Option<Value>, set: &mut dyn FnMut(&str, Value)) {
    set("max_tokens", json!(wishes.max_tokens));
    let mut output = Map::new();
    match wishes.effort {
        Some("none" | "minimal") => set("thinking", json!({"type": "disabled"})),
        Some(effort) => drop(output.insert("effort".to_owned(), json!(effort))),
        None => {}
    }
    if let Some(schema) = schema {
        output.insert("format".to_owned(), json!({"type": "json_schema", "schema": schema}));
    }
    if !output.is_empty() {
        set("output_config", Value::Object(output));
    }
    if wishes.stop {
        set("stop_sequences", json!(["STOPWORD"]));
    }
}

pub fn tool(client: ClientOf, schema: Value, strict: bool) -> Value {
    // a caller of OpenAI's dialects calls strict only what is
    let strict = strict && schema["additionalProperties"] == false;
    match client {
        ClientOf::Messages => json!({"name": "f", "input_schema": schema, "strict": strict}),
        ClientOf::Chat => {
            json!({"type": "function", "function": {"name": "f", "parameters": schema, "strict": strict}})
        }
        ClientOf::Responses => {
            json!({"type": "function", "name": "f", "parameters": schema, "strict": strict})
        }
    }
}
