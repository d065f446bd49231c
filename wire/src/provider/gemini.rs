//! The provider's side of Gemini: contents made of parts, function calls without ids, whole
//! responses as events.
//!
//! Source: ai.google.dev API reference, and what the vendor was seen to send.

mod content;
pub(crate) mod contents;
pub(crate) mod partial_args;
pub(crate) mod relay;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod stream;
pub(crate) mod tool_calls;
