//! What a stream of Anthropic's said, as a client understands it, and what the client stumbled
//! over.

use ainfera_fidelity::accumulate::{self, Understood};
use ainfera_fidelity::answer::Ending;
use ainfera_wire::client::ClientDialect;
use serde_json::Value;

#[derive(Debug, Default, Clone, PartialEq)]
pub struct Speech {
    pub stop_reason: Option<String>,
    /// It has its last event.
    pub message_stop: bool,
    /// The `error` event's type.
    pub error: Option<String>,
    pub text: String,
    /// An end that hides in a frame that no client can read is one of these.
    pub complaints: Vec<String>,
}

impl Speech {
    pub fn read(body: &[u8]) -> Self {
        let Understood { answer, complaints, body, error, .. } =
            accumulate::stream(ClientDialect::Messages, body);
        Self {
            stop_reason: word(&body["stop_reason"]),
            message_stop: matches!(answer.ending, Ending::Stopped(_)),
            error: (!error.is_null())
                .then(|| word(&error["type"]).unwrap_or_else(|| "error without a type".to_owned())),
            text: answer.text,
            complaints,
        }
    }

    /// Of a message that was not streamed.
    pub fn of_whole(body: &[u8]) -> Self {
        let message: Value = serde_json::from_slice(body).unwrap_or_default();
        let answer = accumulate::whole(ClientDialect::Messages, &message);
        let message_stop = matches!(answer.ending, Ending::Stopped(_));
        Self {
            stop_reason: word(&message["stop_reason"]),
            message_stop,
            text: answer.text,
            ..Self::default()
        }
    }

    /// It claims to be a whole answer.
    pub fn claims_success(&self) -> bool {
        self.message_stop || self.stop_reason.is_some()
    }

    pub fn has_content(&self) -> bool {
        !self.text.is_empty()
    }
}

fn word(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
