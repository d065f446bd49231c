//! The provider's side of Gemini: contents made of parts, function calls without ids, whole
//! responses as events.
//!
//! Source: ai.google.dev API reference, and what the vendor was seen to send.

mod content;
pub mod contents;
pub mod partial_args;
pub mod request;
pub mod response;
pub mod signatures;
pub mod stream;
pub(crate) mod thinking;
pub mod tool_calls;
