//! What a client makes of the bytes that it gets, and what it complains of.

pub mod chat;
pub mod frames;
pub mod gemini;
pub mod inference;
pub mod messages;
pub mod responses;

use ainfera_wire::client::ClientDialect;
use serde_json::Value;

use crate::answer::Answer;

/// An answer as a client understood it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Understood {
    pub answer: Answer,
    /// What an official client would stumble over: an order that is none, an index that is missing,
    /// words after the last one.
    pub complaints: Vec<String>,
    /// The data of the events of Anthropic's that carry content, byte for byte.
    pub content: Vec<String>,
    /// The answer as the dialect's own SDK would hand it on: a message, the parts of a completion,
    /// a response. Of a failed answer, as far as it came.
    pub body: Value,
    /// The error object that ended it; null where none did.
    pub error: Value,
}

impl Understood {
    fn complain(&mut self, of: impl Into<String>) {
        self.complaints.push(of.into());
    }
}

/// A stream in `dialect`.
pub fn stream(dialect: ClientDialect, bytes: &[u8]) -> Understood {
    let (frames, broken) = frames::frames(bytes);
    let mut understood = match dialect {
        ClientDialect::Messages => messages::stream(&frames),
        ClientDialect::Chat => chat::stream(&frames),
        ClientDialect::Responses => responses::stream(&frames),
        ClientDialect::Gemini => gemini::stream(&frames),
        ClientDialect::Inference => Understood {
            complaints: vec!["this dialect has no streams".to_owned()],
            ..Understood::default()
        },
    };
    understood.complaints.extend(broken);
    if dialect == ClientDialect::Messages
        && bytes.split(|byte| *byte == b'\n').any(|line| line.starts_with(b":"))
    {
        understood.complain("a comment");
    }
    let is_content = |frame: &&frames::Frame| frame.name.starts_with("content_block_");
    understood.content = frames.iter().filter(is_content).map(|frame| frame.data.clone()).collect();
    understood
}

/// A body that was not streamed, status 200.
pub fn whole(dialect: ClientDialect, body: &Value) -> Answer {
    match dialect {
        ClientDialect::Messages => messages::whole(body),
        ClientDialect::Chat => chat::whole(body),
        ClientDialect::Responses => responses::whole(body),
        ClientDialect::Gemini => crate::expectation::gemini::whole(body),
        ClientDialect::Inference => inference::whole(body),
    }
}
