//! The audit chain's published rule: one chain per agent, `event_hash = sha256_hex((previous_hash
//! or "") + canonical_json(payload))`, the first `previous_hash` null, `seq` contiguous from 1.
//!
//! Only the payload is hashed, so type, sequence number, time and agent are repeated inside it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// What can happen to an agent, by its dotted public name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuditEventType {
    #[serde(rename = "agent.registered")]
    AgentRegistered,
    #[serde(rename = "wallet.topped_up")]
    WalletToppedUp,
    #[serde(rename = "wallet.paused")]
    WalletPaused,
    #[serde(rename = "wallet.resumed")]
    WalletResumed,
    #[serde(rename = "agent.suspended")]
    AgentSuspended,
    #[serde(rename = "agent.resumed")]
    AgentResumed,
    #[serde(rename = "spend_policy.changed")]
    SpendPolicyChanged,
    #[serde(rename = "inference.requested")]
    InferenceRequested,
    #[serde(rename = "inference.routed")]
    InferenceRouted,
    #[serde(rename = "provider.responded")]
    ProviderResponded,
    #[serde(rename = "ledger.debited")]
    LedgerDebited,
    #[serde(rename = "ledger.adjusted")]
    LedgerAdjusted,
    #[serde(rename = "receipt.created")]
    ReceiptCreated,
    #[serde(rename = "inference.rejected")]
    InferenceRejected,
    #[serde(rename = "inference.rejected_cap_violation")]
    InferenceRejectedCapViolation,
    #[serde(rename = "inference.failed")]
    InferenceFailed,
    #[serde(rename = "inference.lost")]
    InferenceLost,
    #[serde(rename = "quarantine.put_back")]
    QuarantinePutBack,
    #[serde(rename = "quarantine.dismissed")]
    QuarantineDismissed,
}

impl AuditEventType {
    pub fn as_str(self) -> &'static str {
        match self {
            AuditEventType::AgentRegistered => "agent.registered",
            AuditEventType::WalletToppedUp => "wallet.topped_up",
            AuditEventType::WalletPaused => "wallet.paused",
            AuditEventType::WalletResumed => "wallet.resumed",
            AuditEventType::AgentSuspended => "agent.suspended",
            AuditEventType::AgentResumed => "agent.resumed",
            AuditEventType::SpendPolicyChanged => "spend_policy.changed",
            AuditEventType::InferenceRequested => "inference.requested",
            AuditEventType::InferenceRouted => "inference.routed",
            AuditEventType::ProviderResponded => "provider.responded",
            AuditEventType::LedgerDebited => "ledger.debited",
            AuditEventType::LedgerAdjusted => "ledger.adjusted",
            AuditEventType::ReceiptCreated => "receipt.created",
            AuditEventType::InferenceRejected => "inference.rejected",
            AuditEventType::InferenceRejectedCapViolation => "inference.rejected_cap_violation",
            AuditEventType::InferenceFailed => "inference.failed",
            AuditEventType::InferenceLost => "inference.lost",
            AuditEventType::QuarantinePutBack => "quarantine.put_back",
            AuditEventType::QuarantineDismissed => "quarantine.dismissed",
        }
    }
}

/// The hash that links an event to the one before it: 64 lower hex digits.
pub fn event_hash(previous_hash: Option<&str>, canonical_payload: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous_hash.unwrap_or_default().as_bytes());
    hasher.update(canonical_payload.as_bytes());
    hex(&hasher.finalize())
}

/// Lower hex digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Keys sorted by code point, separators `,` and `:`, only `"`, `\` and controls below 0x20
/// escaped.
///
/// Payloads carry no floats: other languages print them differently. Use decimal strings.
pub fn canonical_json(payload: &Value) -> String {
    let mut text = String::with_capacity(256);
    write_value(payload, &mut text);
    text
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    text.push(',');
                }
                write_value(item, text);
            }
            text.push(']');
        }
        Value::Object(object) => write_object(object, text),
    }
}

fn write_object(object: &Map<String, Value>, text: &mut String) {
    // Rust compares strings by UTF-8 bytes, which is the order of code points.
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    text.push('{');
    for (position, (key, value)) in entries.into_iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        write_string(key, text);
        text.push(':');
        write_value(value, text);
    }
    text.push('}');
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control < ' ' => {
                text.push_str("\\u00");
                text.push_str(&hex(&[control as u8]));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        sdk_rule: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        payload: Value,
        canonical_json: String,
        previous_hash: Option<String>,
        event_hash: String,
    }

    #[test]
    fn agrees_with_every_published_vector() {
        let vectors: Vectors =
            serde_json::from_str(include_str!("../vectors/audit_chain.json")).unwrap();
        assert!(vectors.sdk_rule.len() > 4);
        for vector in vectors.sdk_rule {
            let canonical = canonical_json(&vector.payload);
            assert_eq!(canonical, vector.canonical_json);
            assert_eq!(event_hash(vector.previous_hash.as_deref(), &canonical), vector.event_hash);
        }
    }
}
