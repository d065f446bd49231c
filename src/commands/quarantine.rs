//! `ainfera quarantine`: records that the database refused for good, and what an operator decides
//! about them.

use std::io::Write;
use std::process::ExitCode;

use ainfera_schema::RequestId;
use ainfera_store::{
    CloseResult, QuarantineDecision, QuarantineScope, QuarantinedRecord, Settled, Settlement,
    StoreError,
};
use serde_json::{Value, json};

use super::CommandError;
use super::audit_continue::this_user;
use super::database::{Missing, database_url, open_store};
use crate::cli::{
    DatabaseArgs, QuarantineCommand, QuarantineDismissArgs, QuarantineListArgs,
    QuarantinePutBackArgs, QuarantineShowArgs,
};

/// How many are listed.
pub const LISTED: u32 = 1000;

pub fn run(command: &QuarantineCommand, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    match command {
        QuarantineCommand::List(args) => list(args, output),
        QuarantineCommand::Show(args) => show(args, output),
        QuarantineCommand::PutBack(QuarantinePutBackArgs { id, decided_by, database }) => {
            settle(*id, Settlement::PutBack, decided_by.as_deref(), database, output)
        }
        QuarantineCommand::Dismiss(args) => dismiss(args, output),
    }
}

fn list(args: &QuarantineListArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let scope = if args.all { QuarantineScope::All } else { QuarantineScope::Waiting };
    let url = database_url(&args.database)?;
    let records = actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        Ok::<_, CommandError>(store.quarantined(scope, LISTED).await?)
    })?;
    let written = if args.json {
        let rows: Vec<Value> = records.iter().map(row_json).collect();
        writeln!(output, "{}", Value::from(rows))
    } else if records.is_empty() {
        writeln!(output, "nothing is in quarantine")
    } else {
        records.iter().try_for_each(|record| writeln!(output, "{}", line(record)))
    };
    written.map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn show(args: &QuarantineShowArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let url = database_url(&args.database)?;
    let found = actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        Ok::<_, CommandError>(store.quarantined_record(args.id).await?)
    })?;
    let record = found.ok_or_else(|| not_there(args.id))?;
    let mut shown = row_json(&record);
    shown["record"] = serde_json::from_str(&record.record)
        .map_err(|error| StoreError::Corrupt(format!("record in quarantine: {error}")))?;
    writeln!(output, "{shown:#}").map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn dismiss(
    args: &QuarantineDismissArgs,
    output: &mut impl Write,
) -> Result<ExitCode, CommandError> {
    let reason = args.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(CommandError::NoReason);
    }
    let settlement = Settlement::Dismiss { reason };
    settle(args.id, settlement, args.decided_by.as_deref(), &args.database, output)
}

fn settle(
    id: RequestId,
    settlement: Settlement,
    decided_by: Option<&str>,
    database: &DatabaseArgs,
    output: &mut impl Write,
) -> Result<ExitCode, CommandError> {
    let url = database_url(database)?;
    let decided_by = decided_by.map_or_else(this_user, str::to_owned);
    let decision = QuarantineDecision { settlement, decided_by };
    let settled = actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        Ok::<_, CommandError>(store.settle_quarantined(id, decision).await?)
    })?;
    let name = id.header_value();
    let done = match settled.ok_or_else(|| not_there(id))? {
        Settled::Dismissed => "is dismissed: no money is moved".to_owned(),
        Settled::PutBack(result) => format!("is put back: {}", put_back(result)),
        Settled::Before(record) => {
            let before = format!("{name} was settled before: {}", line(&record));
            return Err(CommandError::Quarantine(before));
        }
    };
    writeln!(output, "{name} {done}").map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn put_back(result: CloseResult) -> &'static str {
    match result {
        CloseResult::Closed => "the call was open, and is closed by it",
        CloseResult::Adjusted => {
            "the call was closed as lost, and one `adjust` transfer makes its charge what it cost"
        }
        CloseResult::AlreadyClosed | CloseResult::Unknown => {
            "the call is closed, and its charge needs no change"
        }
    }
}

fn not_there(id: RequestId) -> CommandError {
    CommandError::Quarantine(format!("{} is not in quarantine", id.header_value()))
}

fn row_json(record: &QuarantinedRecord) -> Value {
    json!({
        "request_id": record.request_id.header_value(),
        "agent_id": record.agent_id,
        "cost_usd": record.cost_usd().ok(),
        "refused_at": record.refused_at,
        "replica": record.replica,
        "reason": record.reason,
        "state": record.state,
        "settled_at": record.settled_at,
        "settled_by": record.settled_by,
        "settled_reason": record.settled_reason,
    })
}

/// One record in one line.
pub fn line(record: &QuarantinedRecord) -> String {
    let cost = match record.cost_usd() {
        Ok(cost) => format!("${cost}"),
        Err(_) => "a cost that cannot be read".to_owned(),
    };
    let id = record.request_id.header_value();
    let QuarantinedRecord { agent_id, refused_at, replica, reason, .. } = record;
    let mut text = format!(
        "{id}  agent {agent_id}  {cost}  refused {refused_at:.0} on replica {replica:?}: {reason}"
    );
    if let (Some(by), Some(at)) = (&record.settled_by, record.settled_at) {
        let state = serde_json::to_value(record.state).unwrap_or_default();
        let state = state.as_str().unwrap_or_default().replace('_', " ");
        text.push_str(&format!("; {state} {at:.0} by {by}"));
    }
    if let Some(reason) = &record.settled_reason {
        text.push_str(&format!(": {reason}"));
    }
    text.replace('\n', " ")
}
