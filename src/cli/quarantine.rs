//! The words of `ainfera quarantine`.

use ainfera_schema::RequestId;
use clap::{Args, Subcommand};

use super::DatabaseArgs;

#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// What waits, oldest first, one record a line.
    List(QuarantineListArgs),
    /// One record, whole.
    Show(QuarantineShowArgs),
    /// Apply a record now, by the rules for one that comes late: a call that was closed as lost is
    /// charged, or given back, the difference to what it cost.
    PutBack(QuarantinePutBackArgs),
    /// Decide that a record is never applied. The call stays as it is.
    Dismiss(QuarantineDismissArgs),
}

#[derive(Debug, Args)]
pub struct QuarantineListArgs {
    /// Also what was put back or dismissed.
    #[arg(long)]
    pub all: bool,
    /// For programs.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct QuarantineShowArgs {
    /// The call's request id, such as req_0190….
    #[arg(value_parser = request_id)]
    pub id: RequestId,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct QuarantinePutBackArgs {
    /// The call's request id.
    #[arg(value_parser = request_id)]
    pub id: RequestId,
    /// Who decides. Left out: this user on this machine.
    #[arg(long = "by", value_name = "NAME")]
    pub decided_by: Option<String>,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct QuarantineDismissArgs {
    /// The call's request id.
    #[arg(value_parser = request_id)]
    pub id: RequestId,
    /// Why, for whoever reads the audit chain.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Who decides. Left out: this user on this machine.
    #[arg(long = "by", value_name = "NAME")]
    pub decided_by: Option<String>,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

fn request_id(text: &str) -> Result<RequestId, String> {
    let wrong = || "must be a request id: `req_` and 32 hex digits, or a UUID".to_owned();
    RequestId::parse(text).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    #[test]
    fn the_ids_that_clients_see_are_taken_and_a_dismissal_needs_a_reason() {
        let parse = |line: &str| Cli::try_parse_from(line.split_whitespace());
        let id = "req_01900000000070008000000000000001";
        assert!(parse(&format!("ainfera quarantine put-back {id}")).is_ok());
        assert!(parse(&format!("ainfera quarantine dismiss {id} --reason known")).is_ok());
        assert!(parse(&format!("ainfera quarantine dismiss {id}")).is_err());
        let refusal = parse("ainfera quarantine show req_1").unwrap_err().to_string();
        assert!(refusal.contains("must be a request id"), "{refusal}");
    }
}
