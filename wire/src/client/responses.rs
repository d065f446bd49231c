//! The client's side of OpenAI Responses: its requests in, its streams and whole answers out.

pub mod client_run;
pub mod request;
pub mod stream;
pub mod whole;
