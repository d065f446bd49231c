//! The native path, Gemini on both sides: responses reach the client as they came, but for our name
//! for the model. What they mean is said in our words before them, for everybody but the client.
//!
//! The response that says why the answer ends, and what follows it, wait for the end of the bytes:
//! before that nobody knows that the answer is whole.

use bytes::Bytes;
use bytestring::ByteString;

use crate::error::stream_fault::StreamFault;
use crate::event::{Native, ProviderEvent, StreamEvent};
use crate::passthrough::gemini::renamed;

/// Whether the client gets the responses themselves.
#[derive(Debug)]
pub(crate) enum GeminiRelay {
    Translated,
    Native {
        /// The name that the client shall see.
        model: String,
        waiting: Vec<Bytes>,
    },
}

impl GeminiRelay {
    pub(crate) fn native(model: &str) -> Self {
        GeminiRelay::Native { model: model.to_owned(), waiting: Vec::new() }
    }

    /// Tells the client's side that responses will come as they are.
    pub(super) fn announcement(&self) -> Option<Native> {
        match self {
            GeminiRelay::Translated => None,
            GeminiRelay::Native { .. } => Some(response(Bytes::new())),
        }
    }

    /// A response was read. `ends`: it or one before it says why the answer ends.
    pub(super) fn pass(
        &mut self,
        data: &Bytes,
        ends: bool,
        out: &mut Vec<ProviderEvent>,
    ) -> Result<(), StreamFault> {
        let GeminiRelay::Native { model, waiting } = self else { return Ok(()) };
        let renamed = renamed(data, model)?;
        if ends {
            waiting.push(renamed);
        } else {
            out.push(ProviderEvent { event: StreamEvent::Other, native: Some(response(renamed)) });
        }
        Ok(())
    }

    /// The answer is whole.
    pub(super) fn end(&mut self, out: &mut Vec<ProviderEvent>) {
        let last = match self {
            GeminiRelay::Translated => None,
            GeminiRelay::Native { waiting, .. } => {
                let last = waiting.pop();
                let before = waiting.drain(..).map(|data| ProviderEvent {
                    event: StreamEvent::Other,
                    native: Some(response(data)),
                });
                out.extend(before);
                last.map(response)
            }
        };
        out.push(ProviderEvent { event: StreamEvent::End, native: last });
    }
}

fn response(data: Bytes) -> Native {
    Native { name: ByteString::new(), data }
}
