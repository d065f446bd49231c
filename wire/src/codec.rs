//! Bytes and text: JSON read without copies, server-sent events, lenient numbers.

pub mod json;
pub mod lenient;
pub(crate) mod members;
pub mod raw_json;
pub mod sse;
