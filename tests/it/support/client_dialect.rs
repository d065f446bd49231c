//! A client of each dialect: how it asks, how it reads an answer and an error, and what in an
//! answer is minted for it alone.

use ainfera_wire::client::ClientDialect;
use serde_json::{Value, json};

use super::gateway::{routed, with_tools};
use super::reading::whole_of;
use super::{Answer, Gateway};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    pub dialect: ClientDialect,
    pub path: &'static str,
}

/// The last one has no streams.
pub const CLIENTS: [Client; 5] = [
    Client { dialect: ClientDialect::Messages, path: "/v1/messages" },
    Client { dialect: ClientDialect::Chat, path: "/v1/chat/completions" },
    Client { dialect: ClientDialect::Responses, path: "/v1/responses" },
    Client { dialect: ClientDialect::Gemini, path: "/v1beta/models" },
    Client { dialect: ClientDialect::Inference, path: "/v1/inference" },
];

/// The error of an answer that failed before its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: Value,
    pub message: String,
}

impl Client {
    pub fn has_streams(self) -> bool {
        self.dialect != ClientDialect::Inference
    }

    /// A call to the routing name, with two tools.
    pub fn body(self, prompt: &str) -> Value {
        let tools = &with_tools(routed(prompt))["tools"];
        let function = |tool: &Value| json!({"name": tool["name"], "description": tool["description"], "parameters": tool["input_schema"]});
        let each = |form: &dyn Fn(&Value) -> Value| -> Value {
            tools.as_array().unwrap().iter().map(form).collect()
        };
        let mut body = routed(prompt);
        match self.dialect {
            ClientDialect::Messages => body["tools"] = tools.clone(),
            ClientDialect::Chat | ClientDialect::Inference => {
                body["tools"] =
                    each(&|tool| json!({"type": "function", "function": function(tool)}));
            }
            ClientDialect::Gemini => {
                let functions = each(&function);
                body = json!({
                    "model": body["model"], "contents": [{"role": "user", "parts": [{"text": prompt}]}],
                    "tools": [{"functionDeclarations": functions}],
                    "generationConfig": {
                        "maxOutputTokens": body["max_tokens"], "thinkingConfig": {"includeThoughts": true},
                    },
                });
            }
            ClientDialect::Responses => {
                body = json!({"model": body["model"], "input": prompt, "max_output_tokens": body["max_tokens"]});
                body["tools"] = each(&|tool| {
                    let mut flat = function(tool);
                    (flat["type"], flat["strict"]) = (json!("function"), json!(false));
                    flat
                });
            }
        }
        body
    }

    /// The same call for a stream with everything in it.
    pub fn streamed(self, mut body: Value) -> Value {
        body["stream"] = json!(true);
        if self.dialect == ClientDialect::Chat {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }

    pub async fn ask(self, gateway: &Gateway, body: &Value) -> Answer {
        if self.dialect == ClientDialect::Gemini {
            // what other dialects say in the body stands in the address
            let mut body = body.clone();
            let mut take = |name| body.as_object_mut().unwrap().shift_remove(name);
            let (model, streamed) = (take("model").unwrap(), take("stream"));
            let method = if streamed == Some(json!(true)) {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            let path = format!("{}/{}:{method}", self.path, model.as_str().unwrap());
            return gateway.call_at(&path, &body, &[]).await;
        }
        gateway.call_at(self.path, body, &[("anthropic-version", "2023-06-01")]).await
    }

    /// What a stream that succeeded said.
    pub fn of_stream(self, answer: &Answer) -> Value {
        plain(whole_of(self.dialect, answer))
    }

    /// What an answer that was not streamed said, in the form of [`Client::of_stream`].
    pub fn of_whole(self, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let body = answer.json();
        match self.dialect {
            ClientDialect::Messages => assert_eq!(body["type"], "message"),
            ClientDialect::Responses => assert_eq!(body["object"], "response"),
            ClientDialect::Gemini => {
                assert!(body["candidates"][0]["finishReason"].is_string(), "{body}");
            }
            ClientDialect::Inference => assert!(body["finish_reason"].is_string(), "{body}"),
            ClientDialect::Chat => {
                assert_eq!(
                    (&body["object"], body["choices"].as_array().unwrap().len()),
                    (&json!("chat.completion"), 1),
                    "{body}"
                );
                let choice = &body["choices"][0];
                let mut message = choice["message"].clone();
                assert!(
                    message
                        .as_object_mut()
                        .unwrap()
                        .shift_remove("refusal")
                        .is_some_and(|refusal| refusal.is_null())
                );
                return plain(
                    json!({"id": body["id"], "model": body["model"], "usage": body["usage"], "ainfera": body["ainfera"],
                    "message": message, "finish_reason": choice["finish_reason"]}),
                );
            }
        }
        body
    }

    /// `code` and message of an error of this dialect, in an envelope that is as it should be.
    pub fn refusal(self, answer: &Answer) -> Refusal {
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.text());
        let body = answer.json();
        match self.dialect {
            ClientDialect::Messages => {
                let (kind, message) = answer.error();
                Refusal { code: json!(kind), message }
            }
            ClientDialect::Chat | ClientDialect::Responses => {
                assert_eq!(
                    body.as_object().unwrap().keys().collect::<Vec<_>>(),
                    ["error"],
                    "{body}"
                );
                let error = &body["error"];
                assert_eq!(answer.header("x-request-id"), error["request_id"].as_str(), "{body}");
                assert!(error.get("param").is_some(), "{body}");
                Refusal {
                    code: error["code"].clone(),
                    message: error["message"].as_str().unwrap().to_owned(),
                }
            }
            ClientDialect::Gemini => {
                let error = &body["error"];
                assert_eq!(error["code"], answer.status, "{body}");
                assert!(error["status"].is_string(), "{body}");
                let details = error["details"].as_array().unwrap();
                let of_type = |kind: &str| {
                    details.iter().find(|detail| detail["@type"].as_str().unwrap().ends_with(kind))
                };
                let request = &of_type("RequestInfo").unwrap()["requestId"];
                assert_eq!(answer.header("x-request-id"), request.as_str(), "{body}");
                let delay = of_type("RetryInfo").map(|retry| retry["retryDelay"].clone());
                let header =
                    answer.header("retry-after").map(|seconds| json!(format!("{seconds}s")));
                assert_eq!(delay, header, "{body}");
                let reason = of_type("ErrorInfo").unwrap()["reason"].as_str().unwrap();
                Refusal {
                    code: json!(reason.to_ascii_lowercase()),
                    message: error["message"].as_str().unwrap().to_owned(),
                }
            }
            ClientDialect::Inference => {
                assert_eq!(body["error"], body["code"], "{body}");
                assert_eq!(answer.header("request-id"), body["request_id"].as_str(), "{body}");
                Refusal {
                    code: body["code"].clone(),
                    message: body["message"].as_str().unwrap().to_owned(),
                }
            }
        }
    }

    /// Everything of an answer but what is minted for each.
    pub fn without_ids(self, mut body: Value) -> Value {
        let parts = body.pointer_mut("/candidates/0/content/parts").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            part.as_object_mut().unwrap().shift_remove("thoughtSignature");
            if let Some(call) = part.get_mut("functionCall").and_then(Value::as_object_mut) {
                call.shift_remove("id");
            }
        }
        for member in ["id", "responseId", "created_at", "ainfera"] {
            body[member] = Value::Null;
        }
        for list in [&["content"][..], &["output"], &["message", "tool_calls"]] {
            let place = format!("/{}", list.join("/"));
            for item in body.pointer_mut(&place).and_then(Value::as_array_mut).into_iter().flatten()
            {
                for member in ["id", "call_id", "signature", "encrypted_content"] {
                    item.as_object_mut().unwrap().shift_remove(member);
                }
            }
        }
        body
    }

    /// Input tokens of all kinds and output tokens, as the answer says them.
    pub fn tokens(self, body: &Value) -> [u64; 2] {
        let sum = |members: &[&str]| {
            members.iter().map(|member| body["usage"][*member].as_u64().unwrap_or(0)).sum()
        };
        match self.dialect {
            ClientDialect::Messages => [
                sum(&["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]),
                sum(&["output_tokens"]),
            ],
            ClientDialect::Chat => [sum(&["prompt_tokens"]), sum(&["completion_tokens"])],
            ClientDialect::Responses => [sum(&["input_tokens"]), sum(&["output_tokens"])],
            ClientDialect::Gemini => {
                let count = |name: &str| body["usageMetadata"][name].as_u64().unwrap_or(0);
                [
                    count("promptTokenCount"),
                    count("candidatesTokenCount") + count("thoughtsTokenCount"),
                ]
            }
            ClientDialect::Inference => {
                ["input_tokens", "output_tokens"].map(|member| body[member].as_u64().unwrap())
            }
        }
    }
}

/// No text is no text, whether a client hears an empty one or none.
fn plain(mut body: Value) -> Value {
    if body["message"]["content"] == "" {
        body["message"]["content"] = Value::Null;
    }
    body
}
