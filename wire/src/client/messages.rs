//! The client's side of Anthropic Messages: its requests in, its streams and whole answers out.

pub(crate) mod client_tools;
pub(crate) mod content;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod tool_pairing;
pub(crate) mod version;
pub(crate) mod whole;
