//! The provider's side of Chat Completions, as spoken by OpenAI and by the vendors that follow it:
//! requests out, streams and whole answers in.
//!
//! Source: OpenAI API reference, and what the other vendors were seen to send.

pub mod adjust;
pub mod passthrough;
pub mod profile;
pub mod request;
pub mod schema;
pub mod stream;
pub mod target;
pub mod tool_calls;
pub mod whole;
