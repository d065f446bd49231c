//! The response object: as it begins, as it ends, and as it fails.

use serde_json::{Value, json};

use super::{ResponsesFrames, Visit};
use crate::error::client_error::{ClientError, openai_type};
use crate::event::estimated_output_tokens;

impl ResponsesFrames {
    /// The answer failed after it had begun. Official clients raise at the first of these events,
    /// Codex tries again at the second.
    pub fn error(&mut self, error: &ClientError, visit: &mut Visit<'_>) {
        if self.native.is_none() {
            // also where nothing but pings came before it
            self.start(visit);
        }
        let (kind, own_code) = openai_type(error.error_type);
        let code = error.code.or(own_code).unwrap_or("server_error");
        let told = json!({"type": kind, "code": code, "message": error.message, "param": null});
        self.emit(
            "error",
            json!({"code": code, "message": error.message, "param": null, "error": told}),
            visit,
        );
        let mut response = match self.native.take() {
            // the same response that began, not another one
            Some(response @ Value::Object(_)) => response,
            Some(_) | None => self.response("failed"),
        };
        response["status"] = json!("failed");
        response["error"] = json!({"code": code, "message": error.message});
        self.emit("response.failed", json!({"response": response}), visit);
    }

    pub(super) fn start(&mut self, visit: &mut Visit<'_>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = self.response("in_progress");
            self.emit(name, json!({"response": response}), visit);
        }
    }

    /// The last event: why the answer ends, and all of it once more.
    pub(super) fn end(&mut self, visit: &mut Visit<'_>) {
        let incomplete = self.incomplete();
        let (name, status) = match incomplete {
            Some(_) => ("response.incomplete", "incomplete"),
            None => ("response.completed", "completed"),
        };
        let details = incomplete.map_or(Value::Null, |reason| json!({"reason": reason}));
        let mut response = self.response(status);
        response["incomplete_details"] = details;
        if incomplete.is_none() {
            response["completed_at"] = json!(self.now_s);
        }
        response["usage"] = self.usage_json();
        if !self.names.coercions.is_empty() {
            response["ainfera"]["coercions"] = json!(self.names.coercions[..]);
        }
        self.emit(name, json!({"response": response}), visit);
    }

    fn response(&self, status: &str) -> Value {
        let names = &self.names;
        let mut response = json!({
            "id": format!("resp_{}", names.digits), "object": "response", "created_at": names.created_s, "completed_at": null, "status": status,
            "error": null, "incomplete_details": null, "model": names.model, "output": self.output, "usage": null, "store": false,
            "ainfera": {"receipt_id": names.receipt_id, "agent_id": names.agent_id, "inference_id": names.inference_id},
        });
        if let Some(response) = response.as_object_mut() {
            response.extend(self.client.echo.clone());
        }
        response
    }

    /// The input includes what came from a cache, and the output what was thought.
    fn usage_json(&self) -> Value {
        let usage = &self.usage;
        let input = if usage.prompt_tokens() == 0 {
            self.names.estimated_input_tokens
        } else {
            usage.prompt_tokens()
        };
        let output = if usage.output_tokens == 0 {
            estimated_output_tokens(self.text_bytes)
        } else {
            usage.output_tokens
        };
        json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": usage.cache_read_input_tokens, "cache_write_tokens": usage.cache_creation_input_tokens},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
            "total_tokens": input.saturating_add(output),
        })
    }
}
