//! The names that an answer carries in its client's dialect.

use std::sync::Arc;

use serde_json::{Value, json};

/// The names under which one answer goes out.
#[derive(Debug, Clone)]
pub struct AnswerNames {
    /// As in the `request-id` header.
    pub request_id: String,
    /// 24 hex digits that no other answer has: what ids of this answer are made of.
    pub digits: String,
    /// The model as the caller named it.
    pub model: String,
    pub agent_id: String,
    pub inference_id: String,
    pub receipt_id: String,
    /// Seconds since the Unix epoch.
    pub created_s: i64,
    /// Shown where a provider has not counted yet; an agent that sees 0 never compacts its context.
    pub estimated_input_tokens: u64,
    /// What did not reach the provider as it was sent, as far as it is known.
    pub coercions: Arc<[String]>,
}

impl AnswerNames {
    /// The member `ainfera` of an answer: where this call can be looked up, and what did not reach
    /// the provider as it was sent.
    pub(crate) fn ainfera(&self) -> Value {
        let audit_url = format!("/v1/audit/{}", self.agent_id);
        let mut block = json!({
            "receipt_id": self.receipt_id, "agent_id": self.agent_id,
            "inference_id": self.inference_id,
            "audit_verify_url": format!("{audit_url}/verify"), "audit_url": audit_url,
        });
        if !self.coercions.is_empty() {
            block["coercions"] = json!(self.coercions[..]);
        }
        block
    }
}
