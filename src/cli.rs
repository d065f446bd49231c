//! The command line: the commands of the program and their options. The comments on commands and
//! options are the text of `--help`.

mod audit;
mod keys;
mod launch;
mod mock_upstream;
mod money;
mod providers;
mod quarantine;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench::BenchSettings;
use crate::commands::tenant::DEFAULT_TENANT_NAME;
use crate::config::DatabaseUrl;

pub use audit::*;
pub use keys::*;
pub use launch::*;
pub use mock_upstream::*;
pub use money::*;
pub use providers::*;
pub use quarantine::*;

/// A case that can be pasted, after the help of `decide`.
pub const DECIDE_EXAMPLE: &str = r#"Example:

  echo '{"request":{"estimated_input_tokens":1000,"reserved_max_tokens":500},"policy":{"min_quality":"0.68"},"candidates":[{"model_id":"1","model_slug":"a","q_prior":"0.9","price_in_per_mtok_usd":"5","price_out_per_mtok_usd":"25","m_allowed":true},{"model_id":"2","model_slug":"b","q_prior":"0.7","price_in_per_mtok_usd":"1","price_out_per_mtok_usd":"5","m_allowed":true}]}' | ainfera decide

docs/api.md has every field."#;

/// A self-hosted inference router for AI agents.
#[derive(Debug, Parser)]
#[command(name = "ainfera", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start the gateway. Without a file: SQLite beside it, and every provider whose key is in the
    /// environment.
    Serve(ServeArgs),
    /// Read a configuration file and report every mistake in it.
    Check(CheckArgs),
    /// The models of a configuration: vendor, providers and their keys, prices, window, and the
    /// quality floors that each clears.
    Models(ModelsArgs),
    /// Which providers the running gateway does not ask or cannot reach, and why.
    Providers(ProvidersArgs),
    /// API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Wallets, and the pool that all agents share.
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Who may call, and what it may spend.
    #[command(subcommand)]
    Agents(AgentsCommand),
    /// Read cases on standard input, one JSON object a line, and write one decision a line.
    #[command(after_help = DECIDE_EXAMPLE)]
    Decide,
    /// Bring a database up to date.
    Migrate(DatabaseArgs),
    /// The audit log: verify it, or export it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Check what must always hold in a database: 0 all of it does, 1 cannot be checked, 20 ledger,
    /// 21 holds, 22 outcomes, 23 bills, 24 audit, 25 open calls, 26 idempotency keys, 27 other, 28
    /// a record waits in quarantine; of several the lowest.
    Doctor(DoctorArgs),
    /// Records that the database refused for good: list, show, put back or dismiss them.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// Start a coding agent that speaks to this gateway.
    #[command(subcommand)]
    Launch(LaunchCommand),
    /// Start the scripted provider alone, to test against.
    MockUpstream(MockUpstreamArgs),
    /// Measure one or several targets on this machine, one after the other.
    Bench(BenchSettings),
}

#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// The configuration file. Without one: every provider whose key is in the environment.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// For programs.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Also ask every provider for its list of models, and name what is wrong with its name,
    /// certificate, key or path.
    #[arg(long)]
    pub probe: bool,
    /// Left out: what is served without a file.
    pub file: Option<PathBuf>,
}

/// Whose agents they are.
#[derive(Debug, Args)]
pub struct TenantArgs {
    /// The tenant. One whose name begins with `internal-` is left out of the audit's public pages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT_NAME)]
    pub tenant: String,
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
    /// Give up a process of this replica name that still runs: its open calls are closed as lost.
    #[arg(long)]
    pub take_over: bool,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command)
    }

    #[test]
    fn clap_accepts_the_definition() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_takes_its_overrides() {
        let Ok(Command::Serve(args)) = parse(
            "ainfera serve --config a.toml --listen 127.0.0.1:0 --database sqlite://a.db --replica b",
        ) else {
            panic!("not parsed as serve");
        };
        assert_eq!(args.config, Some(PathBuf::from("a.toml")));
        assert_eq!(args.listen.map(|listen| listen.to_string()).as_deref(), Some("127.0.0.1:0"));
        assert_eq!(args.database, Some(DatabaseUrl::Sqlite("a.db".into())));
        assert_eq!(args.replica.as_deref(), Some("b"));
    }

    #[test]
    fn the_scripted_provider_takes_a_port_or_an_address() {
        assert!(
            parse("ainfera mock-upstream --port 9100 --tokens 50 --delay-ms 5 --tools 2").is_ok()
        );
        assert!(parse("ainfera mock-upstream --listen 0.0.0.0:9100 --pad 100 --markers").is_ok());
        assert!(parse("ainfera mock-upstream --listen 0.0.0.0:9100 --port 9100").is_err());
    }

    #[test]
    fn wallets_and_caps_need_an_owner_and_an_amount() {
        assert!(parse("ainfera wallet topup --agent a --amount 12.50").is_ok());
        assert!(parse("ainfera wallet topup --pool --amount 1").is_ok());
        assert!(parse("ainfera wallet topup --agent a --amount 0.0000000001").is_err());
        assert!(parse("ainfera wallet show").is_err());
        assert!(parse("ainfera wallet show --agent a --pool").is_err());
        let Ok(Command::Agents(AgentsCommand::Cap(args))) =
            parse("ainfera agents cap --agent a --daily 2 --monthly none")
        else {
            panic!("not parsed as cap");
        };
        assert_eq!((args.per_call, args.monthly), (None, Some(CapText::None)));
        assert_eq!(args.daily, Some(CapText::Usd("2".parse().unwrap())));
    }

    #[test]
    fn arguments_after_two_dashes_go_to_the_coding_agent() {
        let Ok(Command::Launch(LaunchCommand::Claude(args))) =
            parse("ainfera launch claude --url http://h:1 -- -p hi --model x")
        else {
            panic!("not parsed as launch");
        };
        assert_eq!(args.arguments, ["-p", "hi", "--model", "x"]);
        assert_eq!(
            (args.url.as_deref(), args.model.as_str()),
            (Some("http://h:1"), "ainfera-inference")
        );
        assert!(parse("ainfera launch emacs").is_err());
    }

    #[test]
    fn a_key_needs_an_agent_and_one_database() {
        assert!(parse("ainfera keys create --agent a").is_ok());
        assert!(parse("ainfera keys create").is_err());
        assert!(
            parse("ainfera keys create --agent a --config c --database sqlite://a.db").is_err()
        );
        assert!(
            parse("ainfera keys create --agent a --tenant acme --new-tenant --wallet 12.50")
                .is_ok()
        );
        assert!(parse("ainfera keys create --agent a --wallet=-1").is_err());
    }

    #[test]
    fn a_database_url_of_an_unknown_form_is_refused_with_the_reason() {
        let refusal = parse("ainfera migrate --database ainfera.db").unwrap_err().to_string();
        assert!(refusal.contains("must begin with sqlite:// or postgres://"), "{refusal}");
    }
}
