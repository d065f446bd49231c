//! The Anthropic Messages dialect, on both sides: what clients send us and what Anthropic's API sends us.
//!
//! Source: platform.claude.com API reference, versions `2023-06-01` and `2026-10-21`.

pub mod complete_start;
pub mod content;
pub mod count;
pub mod fitted;
pub mod foreign;
pub mod foreign_thinking;
pub mod frames;
pub mod message;
pub mod models;
pub mod native;
pub mod pairing;
pub mod request;
pub mod stream;
pub mod unread;
pub mod version;
pub mod whole_answer;
