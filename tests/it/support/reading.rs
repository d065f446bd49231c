//! What a client makes of a stream, by the readers of `ainfera_fidelity`. What a client would
//! stumble over ends the test.

use ainfera_fidelity::accumulate::frames::{Frame, frames};
use ainfera_fidelity::accumulate::responses::ITEM_IN_ITEM;
use ainfera_fidelity::accumulate::{self, Understood};
use ainfera_fidelity::answer::Ending;
use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use super::client::Answer;

/// What a client has after the stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// A message, the parts of a completion, a response: as the dialect's SDK hands it on.
    Whole(Value),
    Failed {
        /// The error object.
        error: Value,
        /// The answer as far as it came.
        partial: Value,
        text: String,
    },
}

/// Reads a stream to its end.
pub fn read(dialect: ClientDialect, stream: &str) -> Read {
    let Understood { answer, mut complaints, body, error, .. } =
        accumulate::stream(dialect, stream.as_bytes());
    // the scripted provider of the same dialect does this when it is told to, and it goes through
    // as it came
    complaints.retain(|complaint| complaint != ITEM_IN_ITEM);
    assert!(complaints.is_empty(), "{complaints:?}: {stream}");
    match answer.ending {
        Ending::Stopped(_) => Read::Whole(body),
        Ending::Failed(_) => Read::Failed { error, partial: body, text: answer.text },
        Ending::Missing => panic!("the stream has neither an end nor an error: {stream}"),
    }
}

/// The whole answer of a stream that succeeded.
pub fn whole_of(dialect: ClientDialect, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert!(answer.complete, "the body was cut: {}", answer.text());
    match read(dialect, &answer.text()) {
        Read::Whole(body) => body,
        Read::Failed { error, .. } => panic!("stream failed: {error}"),
    }
}

/// What a `chat.completion` would say.
pub fn completion_of(answer: &Answer) -> Value {
    whole_of(ClientDialect::Chat, answer)
}

/// The response of the last event.
pub fn response_of(answer: &Answer) -> Value {
    whole_of(ClientDialect::Responses, answer)
}

/// Every frame in order, without comments.
pub fn frames_of(stream: &str) -> Vec<Frame> {
    let (frames, complaints) = frames(stream.as_bytes());
    assert!(complaints.is_empty(), "{complaints:?}: {stream}");
    frames
}
