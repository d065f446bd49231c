//! Black-box tests: a real gateway on a real socket, a real store, a scripted provider. One binary,
//! so that PostgreSQL is started once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

mod accounts;
mod answer_head;
mod audit;
mod bad_input;
mod breaker;
mod caps;
mod capture;
mod causes;
mod chat_client;
mod count_tokens;
mod crash;
mod deployments;
mod disconnect;
mod doctor;
mod drain;
mod endpoint_budgets;
mod failover;
mod fairness;
mod framework_facts;
mod gemini_provider;
mod hops;
mod idempotency;
mod inference;
mod last_word;
mod locked_account;
mod matrix;
mod models;
mod money_refusals;
mod native;
mod one_key;
mod outage;
mod overload;
mod pages;
mod price_basis;
mod probe;
mod provider_addresses;
mod quarantine;
mod readiness;
mod recordings;
mod reload;
mod replicas;
mod responses_client;
mod responses_kept;
mod responses_provider;
mod responses_requests;
mod restored;
mod review_faults;
mod routing;
mod secrets;
mod set_aside;
mod shortened_answers;
mod sliced_holds;
mod start;
mod stop;
mod stream;
mod strict;
mod transport;
mod usage;
mod vendors;
mod worst_bills;
mod wrapped;
