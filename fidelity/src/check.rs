//! What must hold for any bytes at all: what the fuzz targets ask, and what their seeds are tested
//! with.

use ainfera_schema::ProviderKind;
use ainfera_wire::client::{Call, ClientDialect};
use ainfera_wire::codec::{SseDecoder, SseEvent};
use bytes::Bytes;

use crate::answer::Ending;
use crate::provider::Upstream;
use crate::{accumulate, caller, replay};

/// What did not hold.
pub type Broken = String;

/// Any reads of the same bytes give the same events. The first byte says how they are cut.
pub fn codec(data: &[u8]) -> Result<(), Broken> {
    let Some((size, bytes)) = data.split_first() else { return Ok(()) };
    let whole = events([bytes]);
    let cut = events(bytes.chunks(usize::from(*size).max(1)));
    if whole == cut {
        Ok(())
    } else {
        Err(format!("{whole:?} in one read, {cut:?} in reads of {size}"))
    }
}

fn events<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> Vec<SseEvent> {
    let mut decoder = SseDecoder::default();
    let mut events = Vec::new();
    for read in reads {
        if decoder.feed(Bytes::copy_from_slice(read), &mut events).is_err() {
            break;
        }
    }
    events
}

/// A body is refused with a field's name, or goes to every vendor as JSON for the right model.
pub fn request(dialect: ClientDialect, data: &[u8]) -> Result<(), Broken> {
    let Ok(call) = caller::parse(dialect, Bytes::copy_from_slice(data)) else { return Ok(()) };
    for kind in ProviderKind::ALL {
        let Ok(request) = Upstream::of(kind).request(&call) else { continue };
        let body: serde_json::Value = serde_json::from_slice(&request.body)
            .map_err(|error| format!("{}: {error}", kind.as_str()))?;
        // some vendors have the model in the path
        if body.get("model").is_some_and(|model| model != "their-model") {
            return Err(format!("{}: for the model {}", kind.as_str(), body["model"]));
        }
    }
    Ok(())
}

/// A provider's bytes become an answer that every client can read, in which nothing ends that did
/// not end. The first byte says how they are cut.
pub fn stream(kind: ProviderKind, data: &[u8]) -> Result<(), Broken> {
    let Some((size, body)) = data.split_first() else { return Ok(()) };
    let upstream = Upstream::of(kind);
    for dialect in caller::DIALECTS {
        let call = caller::call(dialect).map_err(|error| error.to_string())?;
        stream_to(&call, &upstream, body, usize::from(*size).max(1))?;
    }
    Ok(())
}

fn stream_to(call: &Call, upstream: &Upstream, body: &[u8], size: usize) -> Result<(), Broken> {
    let dialect = call.client.dialect();
    let request = upstream.request(call).map_err(|error| error.to_string())?;
    let passed = replay::pass(call, upstream, &request, body, replay::Reads::One);
    let cut = replay::pass(call, upstream, &request, body, replay::Reads::OfBytes(size));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if cut.bytes != passed.bytes {
        return Err(format!(
            "{dialect:?} in reads of {size}: {} / {}",
            text(&cut.bytes),
            text(&passed.bytes)
        ));
    }
    let understood = replay::understood_by(dialect, &passed);
    if upstream.dialect.is_native_to(dialect) {
        // what a provider of the client's own dialect says goes through as it came, and is its own
        // affair; but what failed must not look like what ended
        let ended = matches!(understood.answer.ending, Ending::Stopped(_));
        return if ended && passed.fault.is_some() {
            Err(format!("{dialect:?}: a failure that ended: {}", text(&passed.bytes)))
        } else {
            Ok(())
        };
    }
    if !understood.complaints.is_empty() {
        return Err(format!(
            "{dialect:?} complains: {:?} of {}",
            understood.complaints,
            text(&passed.bytes)
        ));
    }
    match (&passed.fault, &understood.answer.ending) {
        (None, Ending::Stopped(_)) => {
            let whole = accumulate::whole(dialect, &passed.whole);
            if whole == understood.answer {
                Ok(())
            } else {
                Err(format!("{dialect:?}: whole {whole:?} / {:?}", understood.answer))
            }
        }
        (Some(_), Ending::Failed(_)) => Ok(()),
        (fault, ending) => {
            Err(format!("{dialect:?}: {fault:?}, but {ending:?}: {}", text(&passed.bytes)))
        }
    }
}
