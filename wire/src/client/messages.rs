//! The client's side of Anthropic Messages: its requests in, its streams and whole answers out.

pub mod content;
pub mod request;
pub mod stream;
pub mod tool_pairing;
pub mod version;
pub mod whole;
