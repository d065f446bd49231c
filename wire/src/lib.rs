//! How it sounds: bytes in, events out. Pure: no I/O, no async, no actix.
//!
//! Reading order: [`call`] (what a client asks), [`client`] (its side of the call), [`event`] (the
//! language between the dialects), [`upstream`] (one provider's side of one call), [`anthropic`],
//! [`chat`], [`responses`] and [`gemini`] (the dialects), [`signature`] (whose reasoning it is),
//! [`sse`] and [`json`] (the codec), [`conversation`] (which calls belong together), [`coercion`],
//! [`origin`], [`bad_request`], [`client_error`] and [`fault`] (what is said about loss, mistakes
//! and errors).

mod attachment;
pub mod client;
pub mod codec;
pub mod conversation;
pub mod dialect;
pub mod disclosure;
pub mod effort;
pub mod error;
pub mod event;
pub mod extra_costs;
pub mod output_limit;
pub mod passthrough;
pub mod provider;
pub mod signature;

pub use client::answer_names::AnswerNames;
pub use client::call::Call;
pub use client::{Client, ClientFrames, WholeAnswer};
pub use dialect::ClientDialect;
pub use error::bad_request::BadRequest;
pub use error::client_error::ClientError;
pub use event::{
    Block, Delta, Native, ProviderEvent, RelayMode, Stop, StopReason, StreamEvent,
    estimated_output_tokens, upper_output_tokens,
};
