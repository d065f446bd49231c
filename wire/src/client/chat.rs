//! The client's side of OpenAI Chat Completions: its requests in, its streams and whole answers
//! out.

pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod usage_chunk;
pub(crate) mod whole;
