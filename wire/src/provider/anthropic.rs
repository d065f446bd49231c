//! The provider's side of Anthropic Messages: requests out, streams and whole answers in.
//!
//! Source: platform.claude.com API reference, versions `2023-06-01` and `2026-10-21`.

pub(crate) mod block;
pub(crate) mod complete_start;
pub(crate) mod count_tokens;
pub(crate) mod foreign_thinking;
pub(crate) mod form;
pub(crate) mod limits;
pub(crate) mod messages;
pub(crate) mod request;
pub(crate) mod stream;
mod unsaid;
pub(crate) mod whole;
