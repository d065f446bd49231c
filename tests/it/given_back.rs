//! What a vendor wants back of its answer, it gets back in the next turn, through every client
//! dialect, and what has no way back is named.

mod call_ids;
mod reasoning;
mod signatures;
mod talk;

use crate::support::Gateway;
use crate::support::GatewayPlan;
use crate::support::database::Database;
use crate::support::raw_provider::{RawProvider, Reply};
use serde_json::{Value, json};

/// A gateway with one model at a provider of this kind that answers with these events, each answer
/// in its turn and the last one again and again; `refusal` says what it refuses.
async fn gateway(
    kind: &str,
    upstream_name: &str,
    answers: Vec<String>,
    refusal: fn(&Value) -> Option<&'static str>,
) -> (Gateway, RawProvider) {
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let provider = RawProvider::answering(None, move |_, request| {
        if let Some(message) = refusal(&body_of(request)) {
            let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
            return Reply::SayAndClose(head(
                "400 Bad Request",
                "application/json",
                &error.to_string(),
            ));
        }
        let at = turn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let answer = answers.get(at).or(answers.last()).unwrap();
        Reply::SayAndClose(head("200 OK", "text/event-stream", answer))
    })
    .await;
    let more_tables = format!(
        "[[providers]]\nid = \"its\"\nkind = \"{kind}\"\nbase_url = \"http://{}\"\n\
         [[models]]\nslug = \"theirs\"\nprovider = \"its\"\nupstream_name = \"{upstream_name}\"\n\
         price = {{ input = \"1\", output = \"1\" }}\n",
        provider.address
    );
    let plan = GatewayPlan { more_tables, ..GatewayPlan::default() };
    (Gateway::with(plan, Database::sqlite()).await, provider)
}

fn head(status: &str, media_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn body_of(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The body of the last request that the provider got.
fn last_body(provider: &RawProvider) -> Value {
    body_of(provider.heard().last().unwrap())
}

fn takes_all(_: &Value) -> Option<&'static str> {
    None
}

/// Chunks of one answer with these deltas.
fn chat_answer(deltas: &[Value], finish_reason: &str) -> String {
    let chunk = |delta: &Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!(
            "data: {}\n\n",
            json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [choice]})
        )
    };
    let mut text: String = deltas.iter().map(|delta| chunk(delta, Value::Null)).collect();
    text.push_str(&chunk(&json!({}), json!(finish_reason)));
    text.push_str("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14}}\n\ndata: [DONE]\n\n");
    text
}

fn call_delta(index: usize, id: &str, arguments: &str) -> Value {
    json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]})
}

fn said(text: &str) -> String {
    chat_answer(&[json!({"role": "assistant", "content": text})], "stop")
}
