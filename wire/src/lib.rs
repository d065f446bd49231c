//! How it sounds: bytes in, events out. Pure: no I/O, no async, no actix.
//!
//! Reading order: [`call`] (what a client asks), [`anthropic`] and [`chat`] (the dialects), [`event`] (the language between them),
//! [`upstream`] (one provider's side of one call), [`sse`] and [`json`] (the codec), [`coercion`] and [`bad_request`] (what is said about loss and mistakes).

pub mod anthropic;
pub mod bad_request;
pub mod call;
pub mod chat;
pub mod coercion;
pub mod event;
pub mod json;
pub mod sse;
pub mod upstream;

pub use bad_request::BadRequest;
pub use call::Call;
pub use event::{Block, Delta, Heard, Native, Stop, StopReason, StreamEvent, estimated_output_tokens};
