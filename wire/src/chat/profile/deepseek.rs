//! DeepSeek: text only; its reasoning goes back to it together with the calls that came of it.

use super::{AnswerSchema, ChatProfile, Files, Images, REFERENCE};
use crate::signature::Issuer;

pub static PROFILE: ChatProfile = ChatProfile {
    vendor: "deepseek",
    token_limit_field: "max_tokens",
    answer_schema: AnswerSchema::AsInstructions,
    most_stop_sequences: Some(16),
    images: Images::NotTaken,
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    issuer: Issuer::Deepseek,
    reasoning_models: &["deepseek-reasoner"],
    reasoning_refuses: &["temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"],
    ..REFERENCE
};
