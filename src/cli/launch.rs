//! `ainfera launch`: start a coding agent that speaks to the gateway.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DatabaseArgs;

#[derive(Debug, Subcommand)]
pub enum LaunchCommand {
    /// Claude Code, over the Messages API.
    Claude(LaunchArgs),
    /// Codex, over the Responses API.
    Codex(LaunchArgs),
}

#[derive(Debug, Args)]
pub struct LaunchArgs {
    /// Where the gateway listens. Left out: as the file of --config says, or wherever this user's
    /// gateway runs.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Its key. Left out: AINFERA_KEY of the environment, or a key of the agent below, which the
    /// first launch makes and keeps among the user's files.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Whose key is made; left out: the program's own name.
    #[arg(long, value_name = "NAME")]
    pub agent: Option<String>,
    /// The model, or the routing name.
    #[arg(long, value_name = "SLUG", default_value = ainfera_routing::ROUTING_TARGET)]
    pub model: String,
    /// The program, where it is not on the path under its own name.
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What the program gets besides.
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}
