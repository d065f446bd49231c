//! The provider's side of Anthropic Messages: requests out, streams and whole answers in.
//!
//! Source: platform.claude.com API reference, versions `2023-06-01` and `2026-10-21`.

pub(crate) mod block;
pub mod complete_start;
pub mod count_tokens;
pub mod foreign_thinking;
pub(crate) mod form;
pub mod limits;
pub(crate) mod messages;
pub mod request;
pub mod stream;
mod unsaid;
pub mod whole;
