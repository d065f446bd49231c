//! The command line: what can be asked of the program, and with which words.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ainfera_schema::policy::{PriorityCeiling, RoutingPreference};
use ainfera_schema::{MoneyError, Usd};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rust_decimal::Decimal;

use crate::bench::BenchSettings;
use crate::commands::tenant::DEFAULT_TENANT_NAME;
use crate::config::DatabaseUrl;

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
    /// 21 holds, 22 outcomes, 23 bills, 24 audit, 25 open calls, 26 idempotency keys, 27 other; of
    /// several the lowest.
    Doctor(DoctorArgs),
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

#[derive(Debug, Subcommand)]
pub enum LaunchCommand {
    /// Claude Code, over the Messages API.
    Claude(LaunchArgs),
    /// Codex, over the Responses API.
    Codex(LaunchArgs),
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

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, alone; what its agent may spend goes to standard error. The agent
    /// is made if it is new: on account, within the default caps, or with a wallet.
    Create(KeysCreateArgs),
}

#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Add money to a wallet or to the pool. An agent on account has no wallet.
    Topup(TopUpArgs),
    /// Print what its calls are paid from, balance, holds, spending and caps.
    Show(OwnerAndDatabase),
    /// Let it pay for no new call.
    Pause(OwnerAndDatabase),
    /// Let a paused wallet pay again.
    Resume(OwnerAndDatabase),
    /// Refuse an agent whose wallet is short, although the pool could pay.
    Strict(StrictArgs),
}

#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// Let an agent in no more.
    Suspend(OwnerAndDatabase),
    /// Let a suspended agent in again.
    Resume(OwnerAndDatabase),
    /// Set caps. An agent's own stand in place of the pool's of the same kind.
    Cap(CapArgs),
}

/// Whose wallet it is.
#[derive(Debug, Args)]
pub struct OwnerArgs {
    #[arg(long, value_name = "NAME", required_unless_present = "pool", conflicts_with = "pool")]
    pub agent: Option<String>,
    /// The pool that all agents of the tenant share.
    #[arg(long)]
    pub pool: bool,
    #[command(flatten)]
    pub tenant: TenantArgs,
}

/// Whose agents they are.
#[derive(Debug, Args)]
pub struct TenantArgs {
    /// The tenant. One whose name begins with `internal-` is left out of the audit's public pages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT_NAME)]
    pub tenant: String,
}

impl OwnerArgs {
    pub fn name(&self) -> String {
        self.agent.clone().unwrap_or_else(|| "pool".to_owned())
    }
}

#[derive(Debug, Args)]
pub struct OwnerAndDatabase {
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct TopUpArgs {
    /// Dollars, such as 12.50.
    #[arg(long, value_name = "USD")]
    pub amount: Usd,
    /// What the ledger says of it.
    #[arg(long, value_name = "TEXT", default_value = "top-up")]
    pub memo: String,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct StrictArgs {
    /// Let the pool pay again.
    #[arg(long)]
    pub off: bool,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct CapArgs {
    /// Dollars, or `none` to take the cap away.
    #[arg(long, value_name = "USD")]
    pub per_call: Option<CapText>,
    #[arg(long, value_name = "USD")]
    pub daily: Option<CapText>,
    #[arg(long, value_name = "USD")]
    pub monthly: Option<CapText>,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// `routing_preference`, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreferenceWord {
    Quality,
    Balanced,
    Cost,
}

impl From<PreferenceWord> for RoutingPreference {
    fn from(word: PreferenceWord) -> Self {
        match word {
            PreferenceWord::Quality => RoutingPreference::Quality,
            PreferenceWord::Balanced => RoutingPreference::Balanced,
            PreferenceWord::Cost => RoutingPreference::Cost,
        }
    }
}

/// A priority ceiling, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriorityWord {
    Default,
    Critical,
}

impl From<PriorityWord> for PriorityCeiling {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::Default => PriorityCeiling::Default,
            PriorityWord::Critical => PriorityCeiling::Critical,
        }
    }
}

fn amount(text: &str) -> Result<Usd, String> {
    let amount = text.parse::<Usd>().map_err(|error| error.to_string())?;
    if amount.is_negative() { Err("must not be negative".to_owned()) } else { Ok(amount) }
}

fn quality(text: &str) -> Result<Decimal, String> {
    let quality = Decimal::from_str(text)
        .ok()
        .filter(|quality| *quality >= Decimal::ZERO && *quality <= Decimal::ONE);
    quality.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

/// A cap as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapText {
    None,
    Usd(Usd),
}

impl FromStr for CapText {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if text == "none" { Ok(CapText::None) } else { text.parse().map(CapText::Usd) }
    }
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

#[derive(Debug, Args)]
pub struct KeysCreateArgs {
    /// Whose key it will be.
    #[arg(long, value_name = "NAME")]
    pub agent: String,
    /// The quality floor of calls that name none, from 0 to 1: for clients that cannot say one,
    /// such as Claude Code. Of a new agent only.
    #[arg(long, visible_alias = "floor", value_name = "QUALITY", value_parser = quality)]
    pub min_quality: Option<Decimal>,
    /// What calls prefer that say nothing about it. Of a new agent only.
    #[arg(long, value_enum)]
    pub preference: Option<PreferenceWord>,
    /// The highest `x-ainfera-priority` that is believed of the agent. Left out: `default`. Of a
    /// new agent only.
    #[arg(long, value_enum)]
    pub priority_ceiling: Option<PriorityWord>,
    /// Pay so many dollars into a wallet: then the agent spends until that has run out. Left out:
    /// it spends on account, within its caps. Of a new agent only.
    #[arg(long, value_name = "USD", value_parser = amount)]
    pub wallet: Option<Usd>,
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Make the tenant if it is not there; without this only the default one and the first one of a
    /// database are made.
    #[arg(long)]
    pub new_tenant: bool,
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

#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Say whether a log is as it was written, and if not, what was done to it: 0 intact, 10
    /// mutated, 11 deleted, 12 inserted, 13 reordered, 14 truncated, 15 fork, 16 wrong key, 17 bad
    /// signature, 18 empty.
    Verify(AuditVerifyArgs),
    /// Write events and checkpoints to standard output, one JSON object a line.
    Export(DatabaseArgs),
    /// Declare, signed with the audit's key, that events which were signed are missing: after a
    /// backup was restored, or a standby was promoted that lacked the last moment. From then on the
    /// gateway signs again.
    Continue(AuditContinueArgs),
}

#[derive(Debug, Args)]
pub struct AuditContinueArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// Why events are missing, for whoever verifies the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who says so. Left out: this user on this machine.
    #[arg(long = "by", value_name = "NAME")]
    pub declared_by: Option<String>,
}

#[derive(Debug, Args)]
pub struct AuditVerifyArgs {
    #[command(flatten)]
    pub database: DatabaseArgs,
    /// What `ainfera audit export` wrote; instead of a database.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "database"])]
    pub export: Option<PathBuf>,
    /// Checkpoints that were kept outside of the database.
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
    /// The public key that must have signed; several after a change of keys. Left out: the
    /// configured one, or that of the first checkpoint.
    #[arg(long = "key", value_name = "HEX")]
    pub keys: Vec<String>,
    /// The export holds the events of one agent only.
    #[arg(long, requires = "export")]
    pub one_agent: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
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
    /// Speak TLS with this certificate; a PEM file, the intermediate ones after it.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of the certificate; a PEM file.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
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
    fn what_follows_two_dashes_is_the_agents_own() {
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
    fn a_database_that_cannot_be_one_is_refused_with_the_reason() {
        let refusal = parse("ainfera migrate --database ainfera.db").unwrap_err().to_string();
        assert!(refusal.contains("must begin with sqlite:// or postgres://"), "{refusal}");
    }
}
