//! The two tables whose rows are never changed: transfers and audit events.

use super::Value::{Exact, Id, Integer, Money, OptionalExact, OptionalId, Text, Time};
use super::{Column, Table, column};
use crate::apply::rows::{AuditRow, TransferRow};

pub(crate) struct Transfers;

impl Table for Transfers {
    type Row<'a> = TransferRow;
    const NAME: &'static str = "transfers";
    const COLUMNS: &'static [Column<Self>] = &[
        column("transfer_id", Id(|row| row.transfer_id)),
        column("debit_account", Exact(|row| &row.debit_account)),
        column("credit_account", Exact(|row| &row.credit_account)),
        column("amount", Money(|row| row.amount)),
        column("kind", Exact(|row| row.kind.as_str())),
        column("request_id", OptionalId(|row| row.request_id.map(|id| id.0))),
        column("agent_id", Id(|row| row.agent_id.0)),
        column("balance_after", Money(|row| row.balance_after)),
        column("memo", Text(|row| &row.memo)),
        column("audit_seq", Integer(|row| row.audit_seq)),
        column("created_at", Time(|row| row.created_at)),
    ];
}

pub(crate) struct AuditEvents;

impl Table for AuditEvents {
    type Row<'a> = AuditRow;
    const NAME: &'static str = "audit_events";
    const COLUMNS: &'static [Column<Self>] = &[
        column("agent_id", Id(|row| row.agent_id.0)),
        column("seq", Integer(|row| row.seq)),
        column("event_id", Id(|row| row.event_id)),
        column("event_type", Exact(|row| row.event_type.as_str())),
        column("payload", Exact(|row| &row.payload)),
        column("previous_hash", OptionalExact(|row| row.previous_hash.as_deref())),
        column("event_hash", Exact(|row| &row.event_hash)),
        column("created_at", Time(|row| row.created_at)),
    ];
}
