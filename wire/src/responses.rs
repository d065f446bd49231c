//! OpenAI's Responses dialect: a list of items in, a list of items out, each event of a stream named.
//!
//! Source: OpenAI API reference, and what others who copy it were seen to send.

pub mod call;
pub mod event;
pub mod frames;
pub mod input;
pub mod items;
pub mod models;
pub mod native;
pub mod request;
pub mod stream;
pub mod whole;
pub mod whole_answer;
