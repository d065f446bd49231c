//! How it sounds: bytes in, events out. Pure: no I/O, no async, no actix.
//!
//! Reading order: [`client`] (a client's side of the call: its [`Call`] and its answer),
//! [`request`] and [`event`] (the language between the dialects), [`provider`] (one provider's side
//! of one call, a folder for each dialect), [`passthrough`] (where both sides speak the same),
//! [`signature`] (whose reasoning it is), [`codec`] (bytes and text), [`conversation`] (which calls
//! belong together), [`disclosure`] and [`error`] (what is said about loss, mistakes and errors).

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
pub mod model_table;
pub mod oddity;
pub mod output_limit;
pub mod passthrough;
pub mod provider;
pub mod request;
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
