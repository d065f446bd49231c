//! The head and body of a call that succeeds so far.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Bytes;
use ainfera_actors::dispatch::{Head, HeadBody};
use ainfera_actors::sink::body::EventBody;
use ainfera_schema::{AgentId, RequestId};
use ainfera_wire::call::Delivery;
use futures_util::StreamExt;

/// The response; `events` is the body of a streamed one. For a whole one it only held the client's place until now.
pub fn response(request_id: RequestId, agent_id: AgentId, head: Head, events: EventBody) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let facts = head.facts;
    response
        .insert_header(("request-id", request_id.header_value()))
        // the name that OpenAI's SDKs know it by
        .insert_header(("x-request-id", request_id.header_value()))
        .insert_header(("x-ainfera-agent-id", agent_id.to_string()))
        .insert_header(("x-ainfera-audit-url", format!("/v1/audit/{agent_id}")))
        .insert_header(("x-ainfera-inference-id", facts.inference_id.as_str()))
        .insert_header(("x-ainfera-receipt-id", facts.receipt_id.as_str()))
        .insert_header(("x-ainfera-model", facts.model.as_str()));
    if !facts.coercions.is_empty() {
        response.insert_header(("x-ainfera-coercions", coercions_header(&facts.coercions)));
    }
    match head.body {
        HeadBody::Stream => response
            .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
            .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
            // proxies on the way must not collect frames
            .insert_header(("x-accel-buffering", "no"))
            .insert_header(("x-ainfera-stream-mode", facts.stream_mode.as_str()))
            .streaming(events.map(Ok::<Bytes, std::convert::Infallible>)),
        HeadBody::Whole(bytes) => {
            events.finished();
            response.insert_header((CONTENT_TYPE, "application/json")).body(bytes)
        }
        HeadBody::Replayed { body, delivery } => {
            events.finished();
            response.insert_header(("idempotent-replayed", "true"));
            match delivery {
                Delivery::Streamed => response
                    .insert_header((CONTENT_TYPE, "text/event-stream; charset=utf-8"))
                    .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
                    .insert_header(("x-ainfera-stream-mode", "native")),
                Delivery::Whole => response.insert_header((CONTENT_TYPE, "application/json")),
            };
            response.body(body)
        }
    }
}

/// Clients and proxies take about 8 KiB of headers; the record has the whole list.
const MAX_COERCIONS_BYTES: usize = 4096;

fn coercions_header(coercions: &[String]) -> String {
    let mut text = String::new();
    for (position, coercion) in coercions.iter().enumerate() {
        if text.len() + coercion.len() > MAX_COERCIONS_BYTES {
            text.push_str(&format!(", and {} more", coercions.len() - position));
            break;
        }
        if position > 0 {
            text.push_str(", ");
        }
        // the caller chose these names: what a header cannot hold becomes a question mark
        text.extend(coercion.chars().map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coercion_cannot_break_the_head() {
        let header = coercions_header(&["top_k=dropped".to_owned(), "schlüssel\r\nx: y=dropped".to_owned()]);
        assert_eq!(header, "top_k=dropped, schl?ssel??x: y=dropped");
        let many: Vec<String> = (0..1000).map(|number| format!("field_{number}=dropped")).collect();
        assert!(coercions_header(&many).ends_with(" more"));
    }
}
