//! One recorded body through the wire crate: as a provider's answer in, as a client's bytes out.

use ainfera_wire::provider::UpstreamRequest;

use ainfera_wire::client::{Call, ClientDialect, ClientFrames, WholeAnswer};
use ainfera_wire::error::{BadRequest, ClientError, StreamFault};
use bytes::{Bytes, BytesMut};
use serde_json::Value;

use crate::accumulate::{self, Understood};
use crate::answer::{Answer, Ending};
use crate::caller;
use crate::provider::Upstream;

/// How the provider's bytes are cut into reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    One,
    OfBytes(usize),
}

/// What the client gets, and the whole answer put together from the same frames.
pub struct Passed {
    pub bytes: Vec<u8>,
    pub whole: Value,
    pub fault: Option<StreamFault>,
}

/// See the module.
pub fn pass(
    call: &Call,
    upstream: &Upstream,
    request: &UpstreamRequest,
    body: &[u8],
    reads: Reads,
) -> Passed {
    let mut reader = upstream.dialect.reader(call, request, caller::MODEL, "seed".to_owned());
    let mut frames = ClientFrames::new(&call.client, caller::names(call));
    let mut whole = WholeAnswer::of(&call.client);
    let mut out = BytesMut::new();
    let size = match reads {
        Reads::One => body.len().max(1),
        Reads::OfBytes(size) => size,
    };
    let mut heard = Vec::new();
    let mut fault = body
        .chunks(size)
        .find_map(|read| reader.feed(Bytes::copy_from_slice(read), &mut heard).err());
    if fault.is_none() {
        fault = reader.finish(&mut heard).err();
    }
    for heard in &heard {
        frames.write_recorded(heard, &mut out, &mut |name, json| whole.add(name, json));
    }
    if let Some(fault) = &fault {
        let error = ClientError {
            error_type: "api_error",
            message: fault.to_string(),
            code: None,
            field: None,
            details: None,
            request_id: "req_000000000000000000000001".to_owned(),
            status: None,
            retry_after_s: None,
        };
        frames.error(&error, &mut out);
    }
    Passed {
        bytes: out.to_vec(),
        whole: serde_json::from_slice(&whole.into_json()).unwrap_or_default(),
        fault,
    }
}

/// What the client makes of it: of the stream, or of the whole where its dialect has no streams.
pub fn understood_by(dialect: ClientDialect, passed: &Passed) -> Understood {
    match (dialect, &passed.fault) {
        (ClientDialect::Inference, None) => Understood {
            answer: accumulate::whole(dialect, &passed.whole),
            ..Understood::default()
        },
        // what had been said is not given to a client that waits for the whole
        (ClientDialect::Inference, Some(fault)) => {
            let answer = Answer { ending: Ending::Failed(fault.to_string()), ..Answer::default() };
            Understood { answer, ..Understood::default() }
        }
        _ => accumulate::stream(dialect, &passed.bytes),
    }
}

/// A body through the wire crate as a client understands it. Complaints include that other reads of
/// the same bytes give other frames, and that the whole answer is not the sum of the stream.
pub fn understood(call: &Call, upstream: &Upstream, body: &[u8]) -> Result<Understood, BadRequest> {
    let request = upstream.request(call)?;
    let dialect = call.client.dialect();
    let passed = pass(call, upstream, &request, body, Reads::One);
    let mut understood = understood_by(dialect, &passed);
    for reads in [Reads::OfBytes(1), Reads::OfBytes(7)] {
        if pass(call, upstream, &request, body, reads).bytes != passed.bytes {
            understood.complaints.push(format!("other frames when read {reads:?}"));
        }
    }
    if passed.fault.is_none() {
        let whole = accumulate::whole(dialect, &passed.whole);
        if whole != understood.answer {
            understood
                .complaints
                .push(format!("the whole answer is another: {whole:?} / {:?}", understood.answer));
        }
    } else if let Ending::Stopped(word) = &understood.answer.ending {
        understood.complaints.push(format!("a failed answer ends as {word}"));
    }
    Ok(understood)
}
