//! The head and body of a call that succeeds so far.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use ainfera_actors::dispatch::{Head, HeadBody, HeadFacts};
use ainfera_actors::sink::body::EventBody;
use ainfera_schema::{AgentId, RequestId};
use ainfera_wire::client::Delivery;
use futures_util::StreamExt;

use super::coercions::named;

/// The response; `events` is the body of a streamed one, whose content
/// type is `stream_type`. For a whole one it only held the client's
/// place until now.
pub fn response(
    request_id: RequestId,
    agent_id: AgentId,
    head: Head,
    events: EventBody,
    stream_type: &'static str,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    let facts = head.facts;
    response
        .insert_header(("request-id", request_id.header_value()))
        // OpenAI's SDKs read the request id from this header.
        .insert_header(("x-request-id", request_id.header_value()))
        .insert_header(("x-ainfera-agent-id", agent_id.to_string()))
        .insert_header(("x-ainfera-audit-url", format!("/v1/audit/{agent_id}")))
        .insert_header(("x-ainfera-inference-id", facts.inference_id.as_str()))
        .insert_header(("x-ainfera-receipt-id", facts.receipt_id.as_str()))
        .insert_header(("x-ainfera-model", name_header(facts.model.as_str())));
    let mut response = with_body(response, head.body, &facts, events, stream_type);
    name_coercions(response.headers_mut(), &facts.coercions);
    response
}

/// Says in a head what did not reach the provider as it was sent.
pub fn name_coercions(headers: &mut HeaderMap, coercions: &[String]) {
    if coercions.is_empty() {
        return;
    }
    headers.insert(
        HeaderName::from_static("x-ainfera-coercions-count"),
        HeaderValue::from(coercions.len()),
    );
    if let Ok(named) = HeaderValue::from_str(&coercions_header(coercions)) {
        headers.insert(HeaderName::from_static("x-ainfera-coercions"), named);
    }
}

fn with_body(
    mut response: HttpResponseBuilder,
    body: HeadBody,
    facts: &HeadFacts,
    events: EventBody,
    stream_type: &'static str,
) -> HttpResponse {
    match body {
        HeadBody::Stream => response
            .insert_header((CONTENT_TYPE, stream_type))
            .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
            // This header tells proxies not to buffer frames.
            .insert_header(("x-accel-buffering", "no"))
            .insert_header(("x-ainfera-stream-mode", facts.stream_mode.as_str()))
            .streaming(events.map(Ok::<Bytes, std::convert::Infallible>)),
        HeadBody::Whole(bytes) => {
            events.finished();
            response.insert_header((CONTENT_TYPE, "application/json")).body(named(bytes, facts))
        }
        HeadBody::Replayed { body, delivery } => {
            events.finished();
            response.insert_header(("idempotent-replayed", "true"));
            match delivery {
                Delivery::Streamed => response
                    .insert_header((CONTENT_TYPE, stream_type))
                    .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
                    .insert_header(("x-ainfera-stream-mode", facts.stream_mode.as_str())),
                Delivery::Whole => response.insert_header((CONTENT_TYPE, "application/json")),
            };
            match delivery {
                Delivery::Streamed => response.body(body),
                Delivery::Whole => response.body(named(body, facts)),
            }
        }
    }
}

/// The whole head stays below 2 KiB: nginx takes 4 KiB of it with its defaults, and a call that was
/// paid must not end as its 502. The whole list is in the body where its dialect has a place for
/// it, in the receipt and in the record.
const MAX_COERCIONS_BYTES: usize = 768;
/// An operator chooses the names of models, so one may not fit into a header.
const MAX_NAME_BYTES: usize = 256;

/// How many there are, and the first ones, with a note that the rest is left out.
fn coercions_header(coercions: &[String]) -> String {
    let mut text = String::new();
    for (position, coercion) in coercions.iter().enumerate() {
        let separator = if position > 0 { ", " } else { "" };
        if text.len() + separator.len() + coercion.len() > MAX_COERCIONS_BYTES {
            text.push_str(&format!("{separator}and {} more", coercions.len() - position));
            break;
        }
        text.push_str(separator);
        text.push_str(&visible(coercion));
    }
    text
}

/// What a header cannot hold becomes a question mark: the caller may have chosen these letters.
fn visible(text: &str) -> String {
    text.chars()
        .map(
            |character| {
                if character.is_ascii_graphic() || character == ' ' { character } else { '?' }
            },
        )
        .collect()
}

/// A name of any length, cut to what a head has room for.
fn name_header(name: &str) -> String {
    let mut text = visible(name);
    if text.len() > MAX_NAME_BYTES {
        text.truncate(MAX_NAME_BYTES - 3);
        text.push_str("...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coercion_cannot_break_the_head() {
        let header =
            coercions_header(&["top_k=dropped".to_owned(), "schlüssel\r\nx: y=dropped".to_owned()]);
        assert_eq!(header, "top_k=dropped, schl?ssel??x: y=dropped");
        let many: Vec<String> = (0..1000).map(|number| format!("field_{number}=dropped")).collect();
        let header = coercions_header(&many);
        assert!(header.ends_with(" more") && header.starts_with("field_0=dropped, "), "{header}");
        let named = header.matches("=dropped").count();
        assert!(header.ends_with(&format!(", and {} more", 1000 - named)), "{header}");
        let long = format!("{}=dropped", "x".repeat(5000));
        assert_eq!(coercions_header(&[long]), "and 1 more");
    }

    #[test]
    fn the_longest_head_is_below_two_kibibytes() {
        let many: Vec<String> = (0..1000).map(|number| format!("field_{number}=dropped")).collect();
        let coercions = coercions_header(&many);
        assert!(
            coercions.len() <= MAX_COERCIONS_BYTES + ", and 1000 more".len(),
            "{}",
            coercions.len()
        );
        assert!(name_header(&"m".repeat(10_000)).len() <= MAX_NAME_BYTES);
        // Status line, date, ids of 36 letters under 10 names, cache and connection headers.
        const THE_REST: usize = 900;
        assert!(coercions.len() + MAX_NAME_BYTES + THE_REST < 2048);
    }
}
