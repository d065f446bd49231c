//! `ainfera audit continue`: declares that what was signed is not in the database any more, and
//! why.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::Arc;

use ainfera_actors::capture::parting::look;
use ainfera_schema::audit_break::{AuditBreak, Declaration, Listing};

use super::CommandError;
use super::audit::{AuditPlace, place};
use super::database::{Missing, open_store};
use crate::cli::AuditContinueArgs;
use crate::config::process_environment;
use crate::server::audit::signer;

pub fn run(args: &AuditContinueArgs) -> Result<ExitCode, CommandError> {
    let reason = args.reason.trim().to_owned();
    if reason.is_empty() {
        return Err(CommandError::NoReason);
    }
    let AuditPlace { url, settings, kept } = place(&args.database)?;
    let signer = Arc::new(signer(&settings, &url)?.ok_or(CommandError::NoAuditKey)?);
    let declaration =
        Declaration { declared_by: args.declared_by.clone().unwrap_or_else(this_user), reason };
    let declared = actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        // The gateway may not have been started since the configuration changed.
        look(&*store, &kept).await?;
        Ok::<_, CommandError>(store.declare_break(signer, declaration).await?)
    })?;
    write(declared.as_ref()).map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

pub fn this_user() -> String {
    let user = process_environment("USER")
        .or_else(|| process_environment("LOGNAME"))
        .unwrap_or_else(|| "unknown user".to_owned());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

fn write(declared: Option<&AuditBreak>) -> std::io::Result<()> {
    let mut output = stdout().lock();
    let Some(AuditBreak { number, parting, hash, .. }) = declared else {
        return writeln!(
            output,
            "nothing to declare: the database has what was signed, as far as is kept here or was found by a gateway"
        );
    };
    let more = if parting.listing == Listing::InPart {
        ", or more: what is kept does not go back far enough to tell"
    } else {
        ""
    };
    for events in &parting.missing {
        writeln!(
            output,
            "{}: events {} to {} are missing",
            events.agent_id, events.first_seq, events.last_seq
        )?;
    }
    writeln!(
        output,
        "break {number} is declared ({hash}): checkpoints {} to {} and {} events in {} chains are missing{more}",
        parting.parted_after + 1,
        parting.lost_number,
        parting.missing_events,
        parting.missing.len(),
    )
}
