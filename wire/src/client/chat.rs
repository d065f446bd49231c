//! The client's side of OpenAI Chat Completions: its requests in, its streams and whole answers
//! out.

pub mod request;
pub mod stream;
pub mod usage_chunk;
pub mod whole;
