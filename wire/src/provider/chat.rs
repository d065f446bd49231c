//! The provider's side of Chat Completions, as spoken by OpenAI and by the vendors that follow it:
//! requests out, streams and whole answers in.
//!
//! Source: OpenAI API reference, and what the other vendors were seen to send.

pub(crate) mod adjust;
pub(crate) mod own_reasoning;
pub(crate) mod passthrough;
pub(crate) mod profile;
pub(crate) mod request;
pub(crate) mod schema;
pub(crate) mod stream;
pub(crate) mod target;
pub(crate) mod tool_calls;
pub(crate) mod whole;
