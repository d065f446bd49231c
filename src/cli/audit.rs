//! `ainfera audit`: verify the log, export it, or declare a break.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DatabaseArgs;

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
