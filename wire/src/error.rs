//! What is said when something is wrong: with the request of a client, or with the answer of a
//! provider.

pub mod bad_request;
pub mod client_error;
pub mod provider_error;
pub mod stream_fault;
