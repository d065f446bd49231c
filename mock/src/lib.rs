//! A scripted provider: it answers in the dialects of Anthropic Messages, Chat Completions,
//! Responses and Gemini, well or badly, as the prompt asks.
//!
//! It shares no code with the gateway, so that it is a second, independent reading of the vendors'
//! protocols, and it speaks raw TCP, so that it can do what no HTTP library allows. It is the demo
//! behind `ainfera serve` without a key, the upstream of the black-box tests and the upstream of
//! the benchmarks.
//!
//! Reading order: [`directive`] (what a prompt can ask for), [`request`] (what is read from a
//! request), [`script`] (the content of the answer), [`anthropic`], [`chat`], [`responses`] and
//! [`gemini`] (the answer in each dialect), [`fault`] (how it fails on the wire), [`server`].

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod anthropic;
pub mod chat;
pub mod directive;
pub mod fault;
pub mod frames;
pub mod gemini;
pub mod request;
pub mod responses;
pub mod script;
pub mod server;
pub mod stats;
pub mod tls;
pub mod vendor;

mod answer;
mod connection;
mod pairing;
mod refusal;
mod schema_value;
mod stream;
mod tool_names;

pub use server::{MockSettings, MockUpstream};
pub use stats::{Recorded, Stats};
