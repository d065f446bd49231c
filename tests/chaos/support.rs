//! What the black-box tests use too.
#![allow(dead_code, reason = "each test program uses its part of it")]

#[path = "../it/support/authority.rs"]
pub mod authority;
#[path = "../it/support/client.rs"]
pub mod client;
#[path = "../it/support/database.rs"]
pub mod database;
#[path = "../it/support/gateway.rs"]
pub mod gateway;
#[path = "../../store/tests/support/postgres.rs"]
pub mod postgres;
#[path = "../it/support/provider.rs"]
pub mod provider;
#[path = "../it/support/reading.rs"]
pub mod reading;

pub use gateway::{Gateway, GatewayPlan};
