//! The answer of an earlier call, given again in the form that this call asks for.

use ainfera_store::{EarlierCall, StoredAnswer};
use ainfera_wire::client::{Client, Delivery, WholeAnswer};
use ainfera_wire::codec::SseDecoder;
use bytes::Bytes;

use super::{Head, HeadBody, HeadFacts};

/// The whole response: nothing of it is made anew, the two forms come from the same frames.
pub fn head(
    client: &Client,
    answer: &StoredAnswer,
    summary: EarlierCall,
    delivery: Delivery,
) -> Head {
    let body = match delivery {
        Delivery::Streamed => Bytes::copy_from_slice(client.replayed(&answer.frames).as_bytes()),
        Delivery::Whole => whole(client, &answer.frames),
    };
    let facts = HeadFacts {
        model: summary.model.unwrap_or_default(),
        provider: None,
        inference_id: summary.inference_id.map(|id| id.to_string()).unwrap_or_default(),
        receipt_id: summary.receipt_id.to_string(),
        coercions: summary.coercions,
        stream_mode: summary.stream_mode.unwrap_or_default(),
        cost_usd: summary.cost_usd,
    };
    Head { facts, body: HeadBody::Replayed { body, delivery } }
}

fn whole(client: &Client, frames: &str) -> Bytes {
    let mut events = Vec::new();
    // frames of our own are never too long for our own reader
    let _ = SseDecoder::default().feed(Bytes::copy_from_slice(frames.as_bytes()), &mut events);
    let mut whole = WholeAnswer::of(client);
    for event in events {
        whole.add(std::str::from_utf8(&event.name).unwrap_or_default(), &event.data);
    }
    Bytes::from(whole.into_json())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_answer_is_put_together_from_the_frames() {
        let frames = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[],\"usage\":{}}}\n\n\
             event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
             event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\"}}\n\n\
             event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
        let message = whole(&Client::Messages(Default::default()), frames);
        assert_eq!(
            &message[..],
            br#"{"id":"m","content":[{"type":"text","text":"a"}],"usage":{}}"#
        );
    }
}
