//! What is said when something is wrong: with the request of a client, or with the answer of a
//! provider.

pub(crate) mod bad_request;
pub(crate) mod client_error;
pub(crate) mod provider_error;
pub(crate) mod stream_fault;

pub use bad_request::BadRequest;
pub use client_error::ClientError;
pub use provider_error::retry_after::retry_after_seconds;
pub use provider_error::{Fault, FaultKind, Lack, fault_of};
pub use stream_fault::StreamFault;
