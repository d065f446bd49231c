//! Bytes and text: JSON read without copies, JSON values with their paths, server-sent events,
//! lenient numbers.

pub mod json;
pub mod lenient;
pub(crate) mod members;
pub mod node;
pub mod raw_json;
pub mod sse;
