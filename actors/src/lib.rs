//! Who does what. Five actors for one call, and what they share.
//!
//! ```text
//! handler ─start─▶ DispatchActor ─ask─▶ RoutingBrain    which models, in what order
//!                      │ ─tell─▶ CaptureActor           let the call in; later: how it ended
//!                      │ ─start─▶ ProviderActor         one attempt; each batch of events is asked
//!                      └ ─ask─▶ SseSink | CollectSink   what the client gets
//! ```
//!
//! Asks go down, tells go up: no ask ever points at somebody who may be asking us. Only
//! CaptureActor writes to the store. A parent owns its child; a child knows its parent weakly.
//! Whatever must happen is owned by a value that does it in its `Drop`: [`outcome::OpenOutcome`]
//! (the row), [`gate::Permit`] (admission), [`sink::body::ClientHold`] (the client is there),
//! [`provider::AttemptHandle`] (the provider's socket).

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod brain;
pub mod capture;
pub mod checkpoint;
pub mod counters;
pub mod dispatch;
pub mod doctor;
pub mod fault_injection;
pub mod gate;
pub mod health;
pub mod outcome;
pub mod provider;
pub mod reader;
pub mod replica;
pub mod sink;
pub mod unforeseen;
pub mod worker;
