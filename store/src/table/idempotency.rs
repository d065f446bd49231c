//! Idempotency keys.

use super::Value::{Digest, Exact, Id, OptionalExact, Time, WrittenText};
use super::{Column, Table, column};
use crate::apply::idempotency::KeyRow;
use crate::apply::rows::to_json;

pub(crate) struct IdempotencyKeys;

impl Table for IdempotencyKeys {
    type Row<'a> = KeyRow;
    const NAME: &'static str = "idempotency_keys";
    const COLUMNS: &'static [Column<Self>] = &[
        column("agent_id", Id(|row| row.agent_id.0)),
        column("key_sha256", Digest(|row| row.key_sha256)),
        column("fingerprint", Digest(|row| row.fingerprint)),
        column("request_id", Id(|row| row.request_id.0)),
        column("state", Exact(|row| row.state.as_str())),
        // coercions name members that the caller chose: JSON text has no U+0000 in it
        column("summary", WrittenText(|row| row.state.summary().map(to_json).transpose())),
        column("answer", OptionalExact(|row| row.state.answer())),
        column("expires_at", Time(|row| row.expires_at)),
    ];
}
