//! The head of an answer, however long the list of what was changed: a proxy with nginx's default buffers must take it.

use serde_json::json;

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
        let answer = if stream { gateway.call(&streamed(body)).await } else { gateway.call(&body).await };
        assert_eq!(answer.status, 200, "{}", answer.text());
        if stream {
            message_of(&answer);
        }
        let head_bytes: usize = "HTTP/1.1 200 OK\r\n\r\n".len()
            + answer.headers.iter().map(|(name, value)| name.len() + value.len() + ": \r\n".len()).sum::<usize>();
        assert!(head_bytes <= LONGEST_HEAD_BYTES, "{head_bytes} bytes");
        let (named, count) = (answer.header("x-ainfera-coercions").unwrap(), answer.header("x-ainfera-coercions-count").unwrap());
        assert_eq!(count, fields.to_string());
        assert_eq!(named.contains(" more"), fields > 3, "{named}");
        let id = answer.header("x-ainfera-inference-id").unwrap();
        let read = gateway.get(&format!("/v1/inferences/{id}")).await.json();
        assert_eq!(read["coercions"].as_array().unwrap().len(), fields);
        let receipt = gateway.get(&format!("/v1/receipts/{}", answer.header("x-ainfera-receipt-id").unwrap())).await.json();
        assert_eq!(receipt["coercions"].as_array().unwrap().len(), fields);
    }
    gateway.stop().await;
}
