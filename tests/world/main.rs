//! The world around the gateway: the program itself, and real programs before, behind and beside
//! it, each started by the test on a loopback address from the system's packages
//! (`tools/install.sh`). What counts is what each provider heard and what the database holds.
//!
//! `cargo test --test world` runs every test with small numbers; with `AINFERA_WORLD=whole` the
//! numbers are large (`make world`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod answered;
mod load;
mod programs;
mod support;

mod behind_a_proxy;
mod far_postgres;
mod first_address_is_black;
mod gateway_behind_nginx;
mod image_user;
mod nginx_before_provider;
mod pooled_postgres;
mod postgres_failover;
mod postgres_tls;
mod refusing_provider;
mod sent_once;
mod wrong_clock;
