//! Bytes and text: JSON read without copies, JSON values with their paths, server-sent events,
//! lenient members.

pub(crate) mod digest;
pub(crate) mod json;
pub(crate) mod lenient;
pub(crate) mod members;
pub(crate) mod node;
pub(crate) mod parse;
pub(crate) mod raw_json;
pub(crate) mod shape;
pub(crate) mod sse;
pub(crate) mod well_formed;

pub use json::{Edit, Members};
pub use sse::{MAX_EVENT_BYTES, SseDecoder, SseEvent, write_frame};
