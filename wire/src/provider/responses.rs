//! The provider's side of OpenAI Responses: requests out, streams and whole answers in.
//!
//! Source: OpenAI API reference, and what others who copy it were seen to send.

pub(crate) mod event;
pub(crate) mod input;
mod item;
pub(crate) mod items;
pub(crate) mod request;
pub(crate) mod settings;
pub(crate) mod stream;
pub(crate) mod whole;
