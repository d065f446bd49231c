//! The provider's side of OpenAI Responses: requests out, streams and whole answers in.
//!
//! Source: OpenAI API reference, and what others who copy it were seen to send.

pub mod event;
pub mod input;
mod item;
pub mod items;
pub mod request;
pub mod settings;
pub mod stream;
pub mod whole;
