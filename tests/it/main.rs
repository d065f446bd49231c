//! Black-box tests: a real gateway on a real socket, a real store, a scripted provider. One binary, so that PostgreSQL is started once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

mod audit;
mod bad_input;
mod breaker;
mod caps;
mod capture;
mod chat_client;
mod count_tokens;
mod crash;
mod dialect_parity;
mod disconnect;
mod doctor;
mod drain;
mod failover;
mod framework_facts;
mod gemini_provider;
mod hops;
mod idempotency;
mod inference;
mod last_word;
mod models;
mod outage;
mod overload;
mod parity;
mod price_basis;
mod replicas;
mod responses_provider;
mod review_faults;
mod routing;
mod secrets;
mod stream;
mod strict;
mod vendors;
mod wrapped;
