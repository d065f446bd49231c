//! `ainfera audit`: verifies an audit log without the gateway, or exports it for somebody else to
//! do so.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use ainfera_schema::audit_break::{AuditBreak, Listing};
use ainfera_schema::checkpoint::{ChainHead, Checkpoint};
use ainfera_store::audit_log::{LogReader, read_log};
use ainfera_store::audit_verify::{
    Examined, Outside, Record, Report, Scope, TamperClass, Verifier, examine, examine_line,
};

use super::database::database_url;
use super::{CommandError, audit_continue};
use crate::cli::{AuditCommand, AuditVerifyArgs, DatabaseArgs};
use crate::config::audit::AuditSettings;
use crate::config::spool::SpoolPlace;
use crate::config::{DatabaseUrl, Overrides, load, process_environment};
use crate::server::audit::{kept_place, known_public_key};
use ainfera_actors::capture::parting::KeptPlace;

/// Nothing was verified, because there is nothing.
const EMPTY: u8 = 18;

pub fn run(command: AuditCommand) -> Result<ExitCode, CommandError> {
    match command {
        AuditCommand::Verify(args) => verify(&args),
        AuditCommand::Export(args) => export(&args),
        AuditCommand::Continue(args) => audit_continue::run(&args),
    }
}

fn verify(args: &AuditVerifyArgs) -> Result<ExitCode, CommandError> {
    let mut trusted: Vec<String> = args.keys.iter().map(|key| key.to_ascii_lowercase()).collect();
    let report = match &args.export {
        Some(path) => {
            let outside = args.checkpoints.as_deref().map(outside).transpose()?;
            let scope = if args.one_agent { Scope::PresentChains } else { Scope::AllChains };
            verify_export(path, Verifier::new(scope, trusted, outside))?
        }
        None => {
            let AuditPlace { url, settings, kept } = place(&args.database)?;
            if trusted.is_empty() {
                trusted.extend(known_public_key(&settings, &url));
            }
            let files = [
                args.checkpoints.clone().or_else(|| kept.whole.filter(|path| path.exists())),
                kept.recent.filter(|path| path.exists()),
            ];
            let outside =
                files.iter().flatten().map(|path| outside(path)).collect::<Result<Vec<_>, _>>()?;
            let mut reader = Verifying(Verifier::new(Scope::AllChains, trusted, outside));
            read(&url, &mut reader)?;
            reader.0.finish()
        }
    };
    let mut output = stdout().lock();
    let written =
        if args.json { write_json(&report, &mut output) } else { write_text(&report, &mut output) };
    written.map_err(CommandError::Output)?;
    Ok(ExitCode::from(exit_code(&report)))
}

fn export(args: &DatabaseArgs) -> Result<ExitCode, CommandError> {
    let url = place(args)?.url;
    let mut reader = Exporting(BufWriter::new(stdout().lock()));
    read(&url, &mut reader)?;
    reader.0.flush().map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

fn exit_code(report: &Report) -> u8 {
    match report.findings.first() {
        Some(finding) => finding.class.exit_code(),
        None if report.valid => 0,
        None => EMPTY,
    }
}

/// The database, what its configuration says of the audit, and where a replica keeps what was
/// signed.
pub struct AuditPlace {
    pub url: DatabaseUrl,
    pub settings: AuditSettings,
    pub kept: KeptPlace,
}

pub fn place(args: &DatabaseArgs) -> Result<AuditPlace, CommandError> {
    let (url, settings, spool, replica) = match &args.config {
        Some(path) => {
            let config = load(Some(path), Overrides::default(), &process_environment)?;
            (config.database, config.audit, config.spool, config.replica)
        }
        None => {
            let url = database_url(args)?;
            let spool = SpoolPlace::default_of(&url, None);
            (url, AuditSettings::default(), spool, "command line".to_owned())
        }
    };
    let kept = kept_place(&settings, &url, &spool, &replica);
    Ok(AuditPlace { url, settings, kept })
}

/// The schema is left as it is: a verifier changes nothing.
fn read(url: &DatabaseUrl, reader: &mut impl LogReader<CommandError>) -> Result<(), CommandError> {
    if let DatabaseUrl::Sqlite(path) = url {
        // SQLite would create the file when it opens it.
        File::open(path).map_err(|source| unreadable(path, source))?;
    }
    actix_rt::System::new().block_on(async {
        let store = ainfera_store::open(&url.exposed()).await?;
        read_log(&*store, reader).await
    })
}

struct Verifying(Verifier);

impl LogReader<CommandError> for Verifying {
    fn record(&mut self, record: Record) -> Result<(), CommandError> {
        self.0.take(&examine(record));
        Ok(())
    }

    fn account_head(&mut self, head: &ChainHead) -> Result<(), CommandError> {
        self.0.expect_head(&head.agent_id, head.seq, &head.event_hash);
        Ok(())
    }
}

struct Exporting<W>(W);

impl<W: Write> LogReader<CommandError> for Exporting<W> {
    fn record(&mut self, record: Record) -> Result<(), CommandError> {
        serde_json::to_writer(&mut self.0, &record)
            .map_err(|error| CommandError::Output(error.into()))?;
        self.0.write_all(b"\n").map_err(CommandError::Output)
    }

    fn account_head(&mut self, _: &ChainHead) -> Result<(), CommandError> {
        Ok(())
    }
}

fn verify_export(path: &Path, mut verifier: Verifier) -> Result<Report, CommandError> {
    let mut input = BufReader::new(File::open(path).map_err(|source| unreadable(path, source))?);
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line).map_err(|source| unreadable(path, source))? > 0 {
        verifier.take(&examine_line(&line));
        line.clear();
    }
    Ok(verifier.finish())
}

/// Checkpoints of a file, line by line: the gateway's own file, or an earlier export. Other lines
/// are passed over, as what is missing outside proves nothing.
fn outside(path: &Path) -> Result<Outside, CommandError> {
    let input = BufReader::new(File::open(path).map_err(|source| unreadable(path, source))?);
    let lines = input.split(b'\n').map_while(Result::ok);
    Ok(Box::new(lines.filter_map(|line| match serde_json::from_slice::<Checkpoint>(&line) {
        Ok(checkpoint) => Some(checkpoint),
        Err(_) => match examine_line(&[line.as_slice(), b"\n"].concat()) {
            Examined::Checkpoint(checkpoint) => Some(*checkpoint),
            Examined::Event { .. } | Examined::Break(_) | Examined::Unreadable(_) => None,
        },
    })))
}

fn unreadable(path: &Path, source: std::io::Error) -> CommandError {
    CommandError::File { path: path.to_owned(), source }
}

fn write_json(report: &Report, output: &mut impl Write) -> std::io::Result<()> {
    let class: Option<TamperClass> = report.findings.first().map(|finding| finding.class);
    let mut value = serde_json::to_value(report)?;
    value["class"] = serde_json::to_value(class)?;
    value["exit_code"] = exit_code(report).into();
    writeln!(output, "{value}")
}

fn write_text(report: &Report, output: &mut impl Write) -> std::io::Result<()> {
    for finding in &report.findings {
        let whose = finding.agent_id.as_deref().unwrap_or("checkpoints");
        let class = serde_json::to_value(finding.class)?;
        writeln!(
            output,
            "{}  record {}, {whose}: {}",
            class.as_str().unwrap_or_default(),
            finding.record,
            finding.detail
        )?;
    }
    for declared in &report.breaks {
        let AuditBreak { number, created_at, declared_by, reason, parting, .. } = declared;
        let more = if parting.listing == Listing::InPart { " or more" } else { "" };
        writeln!(
            output,
            "declared break {number} of {created_at} by {declared_by}: {reason}; checkpoints {} to {} are missing, {}{more} events in {} chains",
            parting.parted_after + 1,
            parting.lost_number,
            parting.missing_events,
            parting.missing.len(),
        )?;
        for events in &parting.missing {
            writeln!(
                output,
                "  {}: events {} to {}",
                events.agent_id, events.first_seq, events.last_seq
            )?;
        }
    }
    let verdict = match (report.findings.is_empty(), report.valid) {
        (true, true) if !report.breaks.is_empty() => "intact but for what was declared",
        (true, true) => "intact",
        (true, false) => "nothing was verified",
        (false, _) => "TAMPERED WITH",
    };
    writeln!(
        output,
        "{verdict}: {} events in {} chains, {} checkpoints, {} events not signed yet, key {}",
        report.events,
        report.chains,
        report.checkpoints,
        report.unsigned_events,
        report.public_key.as_deref().unwrap_or("none"),
    )
}
