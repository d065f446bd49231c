//! How it sounds: bytes in, events out. Pure: no I/O, no async, no actix.
//!
//! Reading order: [`call`] (what a client asks), [`client`] (its side of the call), [`event`] (the language between the dialects),
//! [`upstream`] (one provider's side of one call), [`anthropic`], [`chat`], [`responses`] and [`gemini`] (the dialects), [`signature`] (whose reasoning
//! it is), [`sse`] and [`json`] (the codec),
//! [`conversation`] (which calls belong together), [`coercion`], [`origin`], [`bad_request`], [`client_error`] and [`fault`] (what is said about loss, mistakes and errors).

pub mod anthropic;
mod attachment;
pub mod bad_request;
pub mod call;
pub mod chat;
pub mod client;
pub mod client_error;
pub mod coercion;
pub mod conversation;
pub mod effort;
pub mod event;
pub mod extra_costs;
pub mod fault;
pub mod gemini;
pub mod inference;
pub mod json;
mod lenient;
pub mod origin;
pub mod output_limit;
pub mod responses;
pub mod saying;
pub mod signature;
pub mod sse;
pub mod upstream;

pub use bad_request::BadRequest;
pub use call::Call;
pub use client::{AnswerNames, Client, ClientDialect, ClientFrames, WholeAnswer};
pub use client_error::ClientError;
pub use event::{Block, Delta, Heard, Native, Passage, Stop, StopReason, StreamEvent, estimated_output_tokens, upper_output_tokens};
