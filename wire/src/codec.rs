//! Bytes and text: JSON read without copies, server-sent events, lenient numbers.

pub mod json;
pub mod lenient;
pub mod sse;
