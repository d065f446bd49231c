//! The client's side of OpenAI Responses: its requests in, its streams and whole answers out.

pub(crate) mod client_run;
pub(crate) mod request;
pub(crate) mod stream;
pub(crate) mod websocket;
pub(crate) mod whole;
