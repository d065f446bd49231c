//! How it is reached: command line, configuration, HTTP surface, process life.
//!
//! In reading order: [`cli`] says what can be asked, [`commands`] what is done then, [`config`]
//! what an operator decides; [`server`] is the gateway as a whole, [`http`] its surface, [`keys`]
//! what callers show; [`telemetry`] is what it says of itself. [`mod@bench`] measures it from
//! outside.

// `pub` means that another crate may use it
#![cfg_attr(not(test), deny(unreachable_pub))]

pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod http;
pub mod keys;
pub mod model_status;
pub mod running_gateway;
pub mod server;
pub mod telemetry;
