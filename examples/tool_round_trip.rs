//! One whole tool call, streamed: question → tool call → result → answer, and then the row that it
//! left.
//!
//! ```text
//! cargo run      # the gateway; it shows a key on its first start
//! cargo run --example tool_round_trip -- --key ainf_…
//! ```

use std::error::Error;
use std::io::{Write, stdout};
use std::time::Duration;

use ainfera_wire::codec::SseDecoder;
use awc::Client;
use clap::Parser;
use futures_util::StreamExt;
use serde_json::{Value, json};

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    #[arg(long)]
    key: String,
    #[arg(default_value = "What is the weather in Paris?")]
    question: String,
}

#[actix_rt::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let gateway = Gateway { http: client(), url: args.url, key: args.key };
    let mut messages = vec![json!({"role": "user", "content": args.question})];
    let answer = loop {
        let answer = gateway.ask(&messages).await?;
        messages.push(json!({"role": "assistant", "content": answer.content}));
        if answer.stop_reason != "tool_use" {
            break answer;
        }
        messages.push(json!({"role": "user", "content": run_tools(&answer.content)?}));
    };
    let row = gateway.inference(&answer.inference_id).await?;
    let [status, model, cost] = ["outcome_status", "model_used", "cost_usd"]
        .map(|field| row[field].as_str().unwrap_or("unknown"));
    writeln!(
        stdout(),
        "x-ainfera-inference-id {}: {status}, {model}, ${cost}",
        answer.inference_id
    )?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it talks to a gateway, not to a provider")]
fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(120)).finish()
}

/// The router picks the model for each turn; the tool stays here.
fn request(messages: &[Value]) -> Value {
    json!({
        "model": "ainfera-inference",
        "max_tokens": 1024,
        "stream": true,
        "messages": messages,
        "tools": [{
            "name": "get_weather",
            "description": "The current weather in a city.",
            "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        }],
    })
}

/// Runs every tool that the answer calls: models may call several at once, and want all results in
/// one message.
fn run_tools(content: &[Value]) -> Result<Vec<Value>, Box<dyn Error>> {
    let calls = content.iter().filter(|block| block["type"] == "tool_use");
    let results = calls.map(|call| {
        let result = get_weather(&call["input"]);
        writeln!(
            stdout(),
            "→ {}({}) = {result}",
            call["name"].as_str().unwrap_or_default(),
            call["input"]
        )?;
        Ok(json!({"type": "tool_result", "tool_use_id": call["id"], "content": result}))
    });
    results.collect()
}

fn get_weather(input: &Value) -> String {
    format!("18 °C and sunny in {}", input["city"].as_str().unwrap_or("nowhere"))
}

struct Gateway {
    http: Client,
    url: String,
    key: String,
}

impl Gateway {
    /// One turn. Its text is printed as it comes.
    async fn ask(&self, messages: &[Value]) -> Result<Answer, Box<dyn Error>> {
        let call = self
            .http
            .post(format!("{}/v1/messages", self.url))
            .insert_header(("x-api-key", self.key.as_str()));
        let mut response = call
            .insert_header(("anthropic-version", "2023-06-01"))
            .send_json(&request(messages))
            .await?;
        if !response.status().is_success() {
            return Err(format!(
                "{}: {}",
                response.status(),
                String::from_utf8_lossy(&response.body().await?)
            )
            .into());
        }
        let header =
            response.headers().get("x-ainfera-inference-id").ok_or("no x-ainfera-inference-id")?;
        let mut answer = Answer { inference_id: header.to_str()?.to_owned(), ..Answer::default() };
        let mut decoder = SseDecoder::default();
        let mut events = Vec::new();
        while let Some(chunk) = response.next().await {
            decoder.feed(chunk?, &mut events)?;
            for event in events.drain(..) {
                answer.hear(&serde_json::from_slice(&event.data)?)?;
            }
        }
        // Only `message_stop` is success: a stream that ends without it was cut.
        if answer.finished { Ok(answer) } else { Err("the stream ended early".into()) }
    }

    /// What the gateway keeps of a call. It is there when the answer is over.
    async fn inference(&self, inference_id: &str) -> Result<Value, Box<dyn Error>> {
        let url = format!("{}/v1/inferences/{inference_id}", self.url);
        let mut response =
            self.http.get(&url).insert_header(("x-api-key", self.key.as_str())).send().await?;
        if response.status().is_success() {
            Ok(response.json().await?)
        } else {
            Err(format!("inference {inference_id} has no row").into())
        }
    }
}

/// An answer, put together from its events.
#[derive(Default)]
struct Answer {
    inference_id: String,
    content: Vec<Value>,
    /// The open tool call's arguments come as pieces of JSON text, cut anywhere.
    input_json: String,
    stop_reason: String,
    finished: bool,
}

impl Answer {
    fn hear(&mut self, event: &Value) -> Result<(), Box<dyn Error>> {
        match event["type"].as_str() {
            Some("content_block_start") => self.content.push(event["content_block"].clone()),
            Some("content_block_delta") => self.hear_delta(&event["delta"])?,
            Some("content_block_stop") => self.close_block()?,
            Some("message_delta") => {
                self.stop_reason =
                    event["delta"]["stop_reason"].as_str().unwrap_or_default().to_owned()
            }
            Some("message_stop") => self.finished = true,
            Some("error") => return Err(event["error"].to_string().into()),
            _ => {} // pings, and what newer models may add
        }
        Ok(())
    }

    fn hear_delta(&mut self, delta: &Value) -> Result<(), Box<dyn Error>> {
        let Some(block) = self.content.last_mut() else {
            return Err("a delta outside a block".into());
        };
        for field in ["text", "thinking", "signature"] {
            if let Some(piece) = delta[field].as_str() {
                block[field] =
                    json!(format!("{}{piece}", block[field].as_str().unwrap_or_default()));
            }
        }
        self.input_json.push_str(delta["partial_json"].as_str().unwrap_or_default());
        let mut out = stdout();
        write!(out, "{}", delta["text"].as_str().unwrap_or_default())?;
        Ok(out.flush()?)
    }

    fn close_block(&mut self) -> Result<(), Box<dyn Error>> {
        match self.content.last_mut() {
            Some(block) if block["type"] == "tool_use" && !self.input_json.is_empty() => {
                block["input"] = serde_json::from_str(&std::mem::take(&mut self.input_json))?;
            }
            Some(block) if block["type"] == "text" => writeln!(stdout())?,
            _ => {}
        }
        Ok(())
    }
}
