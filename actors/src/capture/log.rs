//! The machine's log events as lines of the log.

use ainfera_schema::RequestId;

use super::machine::{CallEvent, LogEvent, StartEvent};

pub(super) fn log(event: LogEvent) {
    match event {
        LogEvent::StoreFailed { error } => {
            tracing::error!(error, "store failed, admissions are refused until it is back")
        }
        LogEvent::StoreBack => tracing::info!("store is back"),
        LogEvent::BatchSplit { agent_id, error } => {
            let agent_id = agent_id.map(tracing::field::display);
            tracing::error!(
                error,
                agent_id,
                "batch failed for a reason of its own, its parts are tried alone"
            );
        }
        LogEvent::AccountLocked { agent_id } => {
            tracing::warn!(
                %agent_id,
                "account is locked by another transaction: its calls wait, those of others go on"
            );
        }
        LogEvent::AccountUnlocked { agent_id } => {
            tracing::info!(%agent_id, "account is no longer locked")
        }
        LogEvent::EntryRefused { error } => tracing::error!(error, "record refused by the store"),
        LogEvent::ServerChanged { batches } => {
            tracing::warn!(
                batches,
                "another database server answers: \
                 what was committed lately is written again where it is missing"
            );
        }
        LogEvent::Spooled { calls } => {
            tracing::warn!(calls, "store does not answer: closed calls are in the spool")
        }
        LogEvent::SpoolCannotBeWritten { error } => {
            tracing::error!(error, "spool cannot be written, closed calls wait in memory");
        }
        LogEvent::Panicked => tracing::error!("capture panicked, and goes on"),
        LogEvent::Reaped { lost } => {
            tracing::warn!(lost, "calls that a silent replica left open were closed as lost")
        }
        LogEvent::ReapFailed { error } => {
            tracing::warn!(
                error,
                "calls of silent replicas could not be closed, next heartbeat tries again"
            );
        }
        LogEvent::CheckpointFailed { error } => {
            tracing::error!(error, "no checkpoint could be made")
        }
        LogEvent::Start(event) => log_start(event),
        LogEvent::Call { request_id, event } => log_call(request_id, event),
    }
}

fn log_call(request_id: RequestId, event: CallEvent) {
    let request_id = request_id.header_value();
    match event {
        CallEvent::RefusedForGood { agent_id, cost_usd, error } => {
            tracing::error!(request_id, %agent_id, %cost_usd, error,
                "the store refuses this record for good: \
                the call is closed as lost, at the cost of its reservation");
        }
        CallEvent::ClosedBefore => {
            tracing::info!(request_id, "call was closed before");
        }
        CallEvent::Adjusted => {
            tracing::warn!(request_id, "call was closed as lost, its charge was adjusted");
        }
        CallEvent::WrittenAgain => {
            tracing::warn!(
                request_id,
                "the database had lost the row of this call in a failover: it is written again"
            );
        }
        CallEvent::DispatchedWithoutIntent => {
            tracing::error!(request_id, "call was dispatched without an intent");
        }
        CallEvent::CannotBeSpooled { error } => {
            tracing::error!(request_id, error, "record cannot be spooled");
        }
    }
}

fn log_start(event: StartEvent) {
    match event {
        StartEvent::SpoolInUse { error } => tracing::warn!(error, "spool is not replayed"),
        StartEvent::SpoolDamaged { lines: damaged_lines } => {
            tracing::error!(
                damaged_lines,
                "lines of the spool are torn; their calls are closed as lost"
            );
        }
        StartEvent::RecordRefused { request_id, error } => {
            tracing::error!(
                request_id = request_id.header_value(),
                error,
                "record of the spool refused by the store"
            );
        }
        StartEvent::RecordUnknown { request_id } => {
            tracing::warn!(
                request_id = request_id.header_value(),
                "call of the spool is not known to the store, it is set aside"
            );
        }
    }
}
