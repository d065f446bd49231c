//! What each command does, one file each. A command returns its exit code, or why it could not do
//! its work.

pub mod agents;
pub mod audit;
pub mod audit_continue;
pub mod bench;
pub mod check;
pub mod database;
pub mod decide;
pub mod demonstration;
pub mod doctor;
pub mod keys;
pub mod launch;
pub mod migrate;
pub mod mock_upstream;
pub mod models;
pub mod operator;
pub mod providers;
pub mod quarantine;
pub mod serve;
pub mod spending;
pub mod tenant;
pub mod wallet;

use std::io;
use std::process::ExitCode;

use ainfera_store::StoreError;

use crate::bench::BenchError;
use crate::cli::{Command, KeysCommand};
use crate::config::ConfigError;
use crate::keys::MintError;
use crate::server::StartError;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mint(#[from] MintError),
    #[error(transparent)]
    Bench(#[from] BenchError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{path} is not there: no gateway has made this database; name the one that is meant with --config or --database", path = .0.display())]
    NoDatabase(std::path::PathBuf),
    #[error(
        "no gateway answers at {url}: start one with `ainfera serve`, or say with --url where it listens"
    )]
    NoGateway { url: String },
    #[error("several gateways run: say with --url which one is meant: {urls}")]
    SeveralGateways { urls: String },
    #[error(
        "the gateway at {url} was not started by this user on this machine: give a key of it with --key, or its database with --database"
    )]
    NoKey { url: String },
    #[error(
        "the gateway at {url} does not use {database}: it refuses a key that was just made there"
    )]
    OtherDatabase { url: String, database: String },
    #[error("{0}")]
    Control(String),
    #[error(
        "agent {0} is there already: floor, preference, priority and wallet are set when it is made; give the key to an agent of another name"
    )]
    AgentExists(String),
    #[error("no such tenant: \"{name}\"{near} (--new-tenant makes one of this name)")]
    UnknownTenant { name: String, near: String },
    #[error("no such tenant: \"{name}\"{near}")]
    NoSuchTenant { name: String, near: String },
    #[error(
        "audit.signing_key is missing: a break is declared with the key that signs; give the configuration with --config"
    )]
    NoAuditKey,
    #[error("{0}")]
    Quarantine(String),
    #[error("the reason is empty")]
    NoReason,
    #[error(transparent)]
    AuditKey(#[from] crate::server::audit::AuditKeyError),
    #[error("no such agent: {0}")]
    NoSuchAgent(String),
    #[error("scripted provider: {0}")]
    Mock(io::Error),
    #[error("scripted provider: {0}")]
    MockTls(#[from] ainfera_mock::tls::TlsError),
    #[error("line {line}: {source}")]
    Case { line: usize, source: ainfera_routing::CaseError },
    #[error("{path}: {source}", path = path.display())]
    File { path: std::path::PathBuf, source: io::Error },
    #[error("{program} cannot be started: {source}; {hint}")]
    Launch { program: String, source: io::Error, hint: &'static str },
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

pub fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(&args, &mut io::stdout().lock()),
        Command::Keys(KeysCommand::Create(args)) => keys::create(&args),
        Command::Models(args) => models::run(&args, &mut io::stdout().lock()),
        Command::Providers(args) => providers::run(&args, &mut io::stdout().lock()),
        Command::Wallet(command) => wallet::run(command),
        Command::Agents(command) => agents::run(command),
        Command::Launch(command) => launch::run(command),
        Command::Decide => decide::run(io::stdin().lock(), io::stdout().lock()),
        Command::Migrate(args) => migrate::run(&args),
        Command::Audit(command) => audit::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Quarantine(command) => quarantine::run(&command, &mut io::stdout().lock()),
        Command::MockUpstream(args) => mock_upstream::run(&args),
        Command::Bench(settings) => bench::run(&settings),
    }
}
