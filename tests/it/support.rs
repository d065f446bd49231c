//! What every test needs: a gateway of its own, a provider of its own, a client that can misbehave,
//! a database to look into.

#![allow(dead_code, reason = "each test program uses its part of it")]

pub mod authority;
pub mod certificates;
pub mod client;
pub mod client_dialect;
pub mod database;
pub mod gateway;
pub mod own_postgres;
#[path = "../../store/tests/support/postgres.rs"]
pub mod postgres;
pub mod process;
pub mod provider;
pub mod raw_provider;
pub mod reading;
pub mod websocket;

pub use client::{Answer, Connection};
pub use gateway::{Gateway, GatewayPlan};
