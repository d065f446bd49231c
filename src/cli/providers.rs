//! `ainfera providers`: what the running gateway knows of its providers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = false)]
pub struct ProvidersArgs {
    /// The configuration that the gateway runs with.
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Option<ProvidersCommand>,
}

#[derive(Debug, Subcommand)]
pub enum ProvidersCommand {
    /// Forget what is known against a provider: it is asked again at once.
    Clear(ClearArgs),
}

#[derive(Debug, Args)]
pub struct ClearArgs {
    /// The provider's id in the configuration.
    pub provider: String,
    /// Only this model at it.
    #[arg(long, value_name = "SLUG")]
    pub model: Option<String>,
}
