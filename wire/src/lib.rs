//! How it sounds: bytes in, events out. Pure: no I/O, no async, no actix.
//!
//! Other crates see eight names, each a module with what belongs to it:
//!
//! 1. [`client`]: a client's side of the call: its [`client::Call`] and its answer;
//! 2. [`provider`]: one provider's side of one call, a folder for each dialect;
//! 3. [`event`]: what a provider says, in the words between the dialects;
//! 4. [`error`]: mistakes of a request, faults of a provider, and how a client hears of them;
//! 5. [`disclosure`]: what the caller is told about the translation of its request;
//! 6. [`codec`]: server-sent events and JSON that is edited in place;
//! 7. [`conversation`]: which calls belong together;
//! 8. [`model_table`]: what each model takes.
//!
//! Inside, [`request`] is the typed request between the dialects, [`passthrough`] is for a client
//! and a provider of the same dialect, and [`signature`] says whose a piece of reasoning is.

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

mod attachment;
pub mod client;
pub mod codec;
pub mod conversation;
mod dialect;
pub mod disclosure;
mod effort;
pub mod error;
pub mod event;
mod extra_costs;
mod gemini_thinking;
pub mod model_table;
mod oddity;
mod passthrough;
pub mod provider;
mod request;
mod signature;
mod thought_signatures;
mod tool_names;
mod tool_schema;
