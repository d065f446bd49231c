//! Is what is translated what was said? Recorded provider streams go through the wire crate, or
//! through a gateway, and what a client makes of the answer is compared with what the recording
//! says.
//!
//! The clients here are an independent reading of the dialects: they share no code with `wire`, and
//! they complain of every frame that an official client would stumble over.
//!
//! Reading order: [`answer`] (what was said, whoever said it), [`recording`] (what a provider
//! sent), [`expectation`] (what that means), [`caller`] (a call in each client dialect),
//! [`provider`], [`accumulate`] (what a client makes of its frames), [`replay`] and [`gateway`]
//! (the two ways to it), [`http_response`] (an answer of a gateway, as all tests read it),
//! [`compare`] and [`refusal`], [`run`] and [`report`]; [`check`] is what must hold for any bytes.

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod accumulate;
pub mod answer;
pub mod caller;
pub mod check;
pub mod compare;
pub mod expectation;
pub mod gateway;
pub mod http_response;
pub mod provider;
pub mod recording;
pub mod refusal;
pub mod replay;
pub mod report;
pub mod run;
