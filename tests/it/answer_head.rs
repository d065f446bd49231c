//! The head of an answer, however long the list of what was changed: a proxy with nginx's default
//! buffers must take it.

use serde_json::{Value, json};

use crate::support::Gateway;
use crate::support::gateway::{MODELS, message_of, streamed};

/// nginx takes 4 KiB with its defaults; half of that is left for what proxies add.
const LONGEST_HEAD_BYTES: usize = 2048;

#[actix_rt::test]
async fn the_head_stays_short_and_the_record_has_the_whole_list() {
    let gateway = Gateway::start().await;
    for (stream, fields) in [(true, 400), (false, 400), (true, 3)] {
        let mut body = json!({"model": MODELS[0], "max_tokens": 40, "messages": [{"role": "user", "content": "hi"}]});
        for number in 0..fields {
            body[format!("field_that_no_provider_knows_{number}")] = json!(1);
        }
        let answer =
            if stream { gateway.call(&streamed(body)).await } else { gateway.call(&body).await };
        assert_eq!(answer.status, 200, "{}", answer.text());
        if stream {
            message_of(&answer);
        }
        let head_bytes: usize = "HTTP/1.1 200 OK\r\n\r\n".len()
            + answer
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len() + ": \r\n".len())
                .sum::<usize>();
        assert!(head_bytes <= LONGEST_HEAD_BYTES, "{head_bytes} bytes");
        let (named, count) = (
            answer.header("x-ainfera-coercions").unwrap(),
            answer.header("x-ainfera-coercions-count").unwrap(),
        );
        assert_eq!(count, fields.to_string());
        assert_eq!(named.contains(" more"), fields > 3, "{named}");
        let id = answer.header("x-ainfera-inference-id").unwrap();
        let read = gateway.get(&format!("/v1/inferences/{id}")).await.json();
        assert_eq!(read["coercions"].as_array().unwrap().len(), fields);
        let receipt = gateway
            .get(&format!("/v1/receipts/{}", answer.header("x-ainfera-receipt-id").unwrap()))
            .await
            .json();
        assert_eq!(receipt["coercions"].as_array().unwrap().len(), fields);
    }
    gateway.stop().await;
}

/// The list in the `ainfera` block of a stream, wherever its dialect has one.
fn listed_in_stream(path: &str, text: &str) -> Option<Value> {
    let frames = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let mut blocks = frames.filter_map(|frame| match path {
        "/v1/chat/completions" => frame["ainfera"]["coercions"].as_array().cloned(),
        _ => frame["response"]["ainfera"]["coercions"].as_array().cloned(),
    });
    blocks.next_back().map(Value::Array)
}

#[actix_rt::test]
async fn the_body_has_the_whole_list_in_every_dialect() {
    let gateway = Gateway::start().await;
    let messages = json!([{"role": "user", "content": "hi"}]);
    let mut changed = 0;
    for model in [MODELS[0], MODELS[1]] {
        for (path, mut body) in [
            (
                "/v1/messages",
                json!({"max_tokens": 40, "messages": messages, "service_tier": "auto"}),
            ),
            (
                "/v1/chat/completions",
                json!({"max_completion_tokens": 40, "messages": messages, "seed": 1}),
            ),
            (
                "/v1/responses",
                json!({"max_output_tokens": 40, "input": "hi", "metadata": {"a": "b"}}),
            ),
            ("/v1/inference", json!({"max_tokens": 40, "messages": messages, "seed": 1})),
        ] {
            body["model"] = json!(model);
            for number in 0..300 {
                body[format!("field_that_no_provider_knows_{number}")] = json!(1);
            }
            for stream in [false, true] {
                if stream && path == "/v1/inference" {
                    continue;
                }
                body["stream"] = json!(stream);
                let answer =
                    gateway.call_at(path, &body, &[("anthropic-version", "2023-06-01")]).await;
                assert_eq!(answer.status, 200, "{path} {model}: {}", answer.text());
                let count: usize =
                    answer.header("x-ainfera-coercions-count").unwrap_or("0").parse().unwrap();
                let id = answer.header("x-ainfera-inference-id").unwrap();
                let kept =
                    gateway.get(&format!("/v1/inferences/{id}")).await.json()["coercions"].clone();
                assert_eq!(kept.as_array().unwrap().len(), count, "{path} {model}");
                if count == 0 {
                    // nobody stands between two of one dialect
                    continue;
                }
                changed += 1;
                match (stream, path) {
                    (false, _) => {
                        assert_eq!(answer.json()["ainfera"]["coercions"], kept, "{path} {model}")
                    }
                    // a stream of this dialect has no place for it
                    (true, "/v1/messages") => {
                        assert!(!answer.text().contains("ainfera\":"), "{path} {model}")
                    }
                    (true, _) => assert_eq!(
                        listed_in_stream(path, &answer.text()).as_ref(),
                        Some(&kept),
                        "{path} {model}"
                    ),
                }
            }
        }
    }
    assert!(
        changed >= 8,
        "two of Messages, two of Chat Completions and four of Responses at least, not {changed}"
    );
    gateway.stop().await;
}
