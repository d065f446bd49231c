//! Z.ai (GLM): thinks unless it is told not to, and takes its thoughts back. Tools can only be left
//! to the model. Source: java.agentscope.io/v2/en/integration/model/glm, which names what its
//! requests leave out (speakers' names, penalties, `stream_options`, `strict`), read on 2026-12-01.
//! Not verified: at how many stop sequences it ends, and that seeds are not taken.

use crate::provider::chat::profile::{
    AnswerSchema, ChatProfile, Files, NoTool, ParallelSwitch, REFERENCE, StreamUsage,
    ThinkingSwitch,
};
use crate::request::setting::SettingKind;

pub(super) static PROFILE: ChatProfile = ChatProfile {
    vendor: "zai",
    path: "/v4/chat/completions",
    token_limit_field: "max_tokens",
    stream_usage: StreamUsage::AlwaysSent,
    refused_members: &["stream_options", "frequency_penalty", "presence_penalty", "logit_bias"],
    refused_message_members: &["name"],
    answer_schema: AnswerSchema::AsInstructions,
    hottest_tenths: 10,
    any_tool: "auto",
    no_tool: NoTool::LeaveToolsOut,
    parallel_switch: ParallelSwitch::Refused,
    files: Files::NotTaken,
    reasoning_back: Some("reasoning_content"),
    thinking_switch: ThinkingSwitch::Member,
    settings: &[SettingKind::JsonObject],
    ..REFERENCE
};
