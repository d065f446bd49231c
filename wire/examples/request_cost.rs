//! One request of a client on its way to a provider, many times over: what `tools/request_cost.sh`
//! counts the instructions of.
//!
//! `request_cost CLIENT PROVIDER CANDIDATES ROUNDS` parses the body of an agent's call once in each
//! round and writes it for so many candidates; with `losses` at the end it only finds what would be
//! lost with them. It prints how many bytes the body has.

use std::error::Error;
use std::hint::black_box;
use std::io::Write;

use ainfera_schema::{Model, ModelSlug, Network, OnDisconnect, OwnDeadlines};
use ainfera_schema::{Provider, ProviderId, ProviderKind, StreamMode, Unsaid};
use ainfera_wire::client::{Call, ClientHeaders};
use ainfera_wire::error::BadRequest;
use ainfera_wire::provider::Dialect;
use bytes::Bytes;
use serde_json::{Value, json};

/// Rounds of tool use in the conversation.
const STEPS: usize = 10;
const TOOLS: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (arguments, is_written) = match arguments.split_last() {
        Some((last, first)) if last == "losses" => (first, false),
        _ => (arguments.as_slice(), true),
    };
    let [client, provider, candidates, rounds] = arguments else {
        return Err("usage: request_cost CLIENT PROVIDER CANDIDATES ROUNDS [losses]".into());
    };
    let body = match client.as_str() {
        "messages" => messages(),
        "chat" => chat(),
        "responses" => responses(),
        _ => return Err("no such client dialect".into()),
    };
    let kind = match provider.as_str() {
        "anthropic" => ProviderKind::Anthropic,
        "chat" => ProviderKind::Openai,
        "responses" => ProviderKind::OpenaiResponses,
        "gemini" => ProviderKind::Gemini,
        _ => return Err("no such provider dialect".into()),
    };
    let (provider, model, dialect) = (provider_of(kind), model(), Dialect::of(kind));
    let candidates = candidates.parse::<usize>()?;
    let body = Bytes::from(body.to_string());
    for _ in 0..rounds.parse::<usize>()? {
        let call = parsed(client, body.clone())?;
        for _ in 0..candidates {
            if is_written {
                black_box(dialect.request(&call, &provider, &model)?);
            } else {
                black_box(dialect.losses(&call, &provider, &model)?);
            }
        }
    }
    writeln!(std::io::stdout(), "{}", body.len())?;
    Ok(())
}

fn parsed(client: &str, body: Bytes) -> Result<Call, BadRequest> {
    let parse = match client {
        "messages" => Call::from_messages,
        "chat" => Call::from_chat,
        _ => Call::from_responses,
    };
    parse(body, ClientHeaders::default(), &|text| text.len() as u64 / 4)
}

fn provider_of(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("vendor"),
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

fn model() -> Model {
    Model {
        slug: ModelSlug::new("slug"),
        provider: ProviderId::new("vendor"),
        upstream_name: "their-model".to_owned(),
        maker: "vendor".to_owned(),
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

fn instructions() -> String {
    "You are an agent that edits code.\nBe brief, and \"quote\" what you change.\n".repeat(20)
}

/// What a tool returned: some lines of a file.
fn output(step: usize) -> String {
    (0..20).map(|line| format!("{step}:{line}\tlet x = \"{line}\";\n")).collect()
}

fn input(step: usize) -> Value {
    json!({"path": format!("src/file{step}.rs"), "from": step, "to": step + 20, "deep": {"a": [1, 2, 3]}})
}

fn schema(nth: usize) -> Value {
    let member =
        |name: String| (name, json!({"type": "string", "description": "What it is about."}));
    let members: serde_json::Map<String, Value> =
        (0..5).map(|member_of| member(format!("member{nth}_{member_of}"))).collect();
    json!({"type": "object", "properties": members, "required": [format!("member{nth}_0")]})
}

fn messages() -> Value {
    let mut messages = vec![json!({"role": "user", "content": "Mend the test.\nPlease."})];
    for step in 0..STEPS {
        let id = format!("toolu_{step}");
        messages.push(json!({"role": "assistant", "content": [
            {"type": "text", "text": "I read the file."},
            {"type": "tool_use", "id": id, "name": "tool0", "input": input(step)}]}));
        messages.push(json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": output(step)}]}]}));
    }
    let tools: Vec<Value> = (0..TOOLS)
        .map(|nth| json!({"name": format!("tool{nth}"), "description": "Reads a file.", "input_schema": schema(nth)}))
        .collect();
    json!({"model": "m", "max_tokens": 4096, "stream": true, "temperature": 0.5,
        "system": [{"type": "text", "text": instructions()}], "messages": messages, "tools": tools})
}

fn chat() -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": instructions()}),
        json!({"role": "user", "content": "Mend the test.\nPlease."}),
    ];
    for step in 0..STEPS {
        let id = format!("call_{step}");
        let function = json!({"name": "tool0", "arguments": input(step).to_string()});
        messages.push(json!({"role": "assistant", "content": "I read the file.",
            "tool_calls": [{"id": id, "type": "function", "function": function}]}));
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": output(step)}));
    }
    let tools: Vec<Value> = (0..TOOLS)
        .map(|nth| json!({"type": "function", "function": {"name": format!("tool{nth}"), "description": "Reads a file.", "parameters": schema(nth)}}))
        .collect();
    json!({"model": "m", "max_completion_tokens": 4096, "stream": true, "temperature": 0.5,
        "messages": messages, "tools": tools})
}

fn responses() -> Value {
    let mut input_items = vec![json!({"role": "user", "content": "Mend the test.\nPlease."})];
    for step in 0..STEPS {
        let id = format!("call_{step}");
        input_items.push(json!({"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": "I read the file."}]}));
        input_items.push(json!({"type": "function_call", "call_id": id, "name": "tool0", "arguments": input(step).to_string()}));
        input_items
            .push(json!({"type": "function_call_output", "call_id": id, "output": output(step)}));
    }
    let tools: Vec<Value> = (0..TOOLS)
        .map(|nth| json!({"type": "function", "name": format!("tool{nth}"), "description": "Reads a file.", "parameters": schema(nth)}))
        .collect();
    json!({"model": "m", "max_output_tokens": 4096, "stream": true, "temperature": 0.5,
        "instructions": instructions(), "input": input_items, "tools": tools})
}
