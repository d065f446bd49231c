//! The command line: what can be asked of the program, and with which words.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchSettings;
use crate::config::DatabaseUrl;

/// A self-hosted inference router for AI agents.
#[derive(Debug, Parser)]
#[command(name = "ainfera", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway. Without a file: SQLite beside it, and every provider whose key is in the environment.
    Serve(ServeArgs),
    /// Read a configuration file and report every mistake in it.
    Check { file: PathBuf },
    /// API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Read cases on standard input, one JSON object a line, and write one decision a line.
    Decide,
    /// Bring a database up to date.
    Migrate(DatabaseArgs),
    /// Check what must always hold in a database; exit code 0 when all of it does.
    Doctor(DoctorArgs),
    /// Start the scripted provider alone, to test against.
    MockUpstream(MockUpstreamArgs),
    /// Measure one or several targets on this machine, one after the other.
    Bench(BenchSettings),
}

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, alone. The agent is made, with a funded demonstration wallet, if it is new.
    Create(KeysCreateArgs),
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address and port; instead of the configured one.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// sqlite://PATH or postgres://…; instead of the configured one.
    #[arg(long, value_name = "URL")]
    pub database: Option<DatabaseUrl>,
    /// The name of this process among those that share the database; instead of the configured one.
    #[arg(long, value_name = "NAME")]
    pub replica: Option<String>,
}

#[derive(Debug, Args)]
pub struct KeysCreateArgs {
    /// Whose key it will be.
    #[arg(long, value_name = "NAME")]
    pub agent: String,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// Which database a command works on. Neither: the one that `serve` uses without a file.
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// The configuration file that names the database.
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    pub config: Option<PathBuf>,
    /// sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database: Option<DatabaseUrl>,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Print the findings as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Orders for every answer; a prompt's own directives go before them.
#[derive(Debug, Args)]
pub struct MockUpstreamArgs {
    /// Address and port; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", conflicts_with = "port")]
    pub listen: Option<SocketAddr>,
    /// A port on 127.0.0.1.
    #[arg(long)]
    pub port: Option<u16>,
    /// Text frames of an answer. Left out: a short answer that fits the prompt.
    #[arg(long, value_name = "COUNT")]
    pub tokens: Option<usize>,
    /// Wait between two frames.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub delay_ms: u64,
    /// Wait before the first frame.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub first_ms: u64,
    /// Parallel tool calls when tools are offered. Left out: one.
    #[arg(long, value_name = "COUNT")]
    pub tools: Option<usize>,
    /// Bytes of padding in each frame.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub pad: usize,
    /// Let each text frame say when it was written.
    #[arg(long)]
    pub markers: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_its_overrides() {
        let Ok(Command::Serve(args)) = parse("ainfera serve --config a.toml --listen 127.0.0.1:0 --database sqlite://a.db --replica b")
        else {
            panic!("not parsed as serve");
        };
        assert_eq!(args.config, Some(PathBuf::from("a.toml")));
        assert_eq!(args.listen.map(|listen| listen.to_string()).as_deref(), Some("127.0.0.1:0"));
        assert_eq!(args.database, Some(DatabaseUrl::Sqlite("a.db".into())));
        assert_eq!(args.replica.as_deref(), Some("b"));
    }

    #[test]
    fn the_scripted_provider_takes_a_port_or_an_address() {
        assert!(parse("ainfera mock-upstream --port 9100 --tokens 50 --delay-ms 5 --tools 2").is_ok());
        assert!(parse("ainfera mock-upstream --listen 0.0.0.0:9100 --pad 100 --markers").is_ok());
        assert!(parse("ainfera mock-upstream --listen 0.0.0.0:9100 --port 9100").is_err());
    }

    #[test]
    fn a_key_needs_an_agent_and_one_database() {
        assert!(parse("ainfera keys create --agent a").is_ok());
        assert!(parse("ainfera keys create").is_err());
        assert!(parse("ainfera keys create --agent a --config c --database sqlite://a.db").is_err());
    }

    #[test]
    fn a_database_that_cannot_be_one_is_refused_with_the_reason() {
        let refusal = parse("ainfera migrate --database ainfera.db").unwrap_err().to_string();
        assert!(refusal.contains("must begin with sqlite:// or postgres://"), "{refusal}");
    }
}
