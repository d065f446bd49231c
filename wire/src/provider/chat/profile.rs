//! Where vendors of the Chat Completions dialect differ.
//!
//! [`REFERENCE`] is the dialect as OpenAI speaks it; what single models take is in
//! [`crate::model_table`]. A vendor is one file that says how it differs
//! from that; [`crate::provider::chat::adjust`] makes it so and names what was changed. Sources:
//! the vendors' API references, and what they were seen to send and to refuse.

mod alibaba;
mod azure;
mod cerebras;
mod compatible;
mod deepseek;
mod fireworks;
mod gemini;
mod groq;
mod minimax;
mod mistral;
mod moonshot;
mod openai;
mod openrouter;
mod together;
mod xai;
mod zai;

use ainfera_schema::ProviderKind;

use crate::provider::tool_call_ids::CallIdRule;
use crate::request::setting::SettingKind;
use crate::signature::Issuer;
use crate::tool_names::NameRule;

/// One vendor's habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChatProfile {
    /// In messages, and in the marks of reasoning that goes back to its maker.
    pub vendor: &'static str,
    /// Follows the base URL.
    pub path: &'static str,
    /// How the limit on output tokens is called.
    pub token_limit_field: &'static str,
    pub stream_usage: StreamUsage,
    /// Members of the body that are refused: left out and named.
    pub refused_members: &'static [&'static str],
    /// Members of the body that are called otherwise: the reference's name, and the vendor's.
    pub renamed_members: &'static [(&'static str, &'static str)],
    pub top_k: TopK,
    /// Members of messages that are refused.
    pub refused_message_members: &'static [&'static str],
    pub answer_schema: AnswerSchema,
    /// `None`: no limit is known.
    pub most_stop_sequences: Option<usize>,
    /// The highest temperature, in tenths.
    pub hottest_tenths: u16,
    /// The word for "call some tool"; `auto` where none can be forced: then it is an instruction.
    pub any_tool: &'static str,
    pub no_tool: NoTool,
    pub parallel_switch: ParallelSwitch,
    pub call_ids: CallIdRule,
    pub tool_names: NameRule,
    /// What the schemas of tools and answers may not have.
    pub schema_rules: &'static [SchemaRule],
    pub empty_parameters: EmptyParameters,
    pub developer_role: DeveloperRole,
    pub system_midway: SystemMidway,
    pub user_after_tool: UserAfterTool,
    pub last_assistant: LastAssistant,
    pub files: Files,
    /// The member of an assistant message in which the vendor's own reasoning goes back to it,
    /// where its mark does not name another one.
    pub reasoning_back: Option<&'static str>,
    /// The body of "do not think", where it is not an effort.
    pub thinking_switch: ThinkingSwitch,
    /// Where thoughts stand that have no member of their own.
    pub inline_thinking: InlineThinking,
    pub call_signature: CallSignature,
    /// Whose mark its reasoning carries.
    pub issuer: Issuer,
    /// What instructions are called for models that reason.
    pub reasoning_system: &'static str,
    pub effort: Effort,
    /// Settings of callers in other dialects that the vendor documents.
    pub settings: &'static [SettingKind],
}

impl ChatProfile {
    /// Whether members that others sign may come along: who copies the dialect passes over what it
    /// does not know, and Gemini may be behind it.
    pub(crate) fn keeps_signatures(&self) -> bool {
        self.call_signature == CallSignature::GoogleExtraContent
            || matches!(self.vendor, "openai_compatible" | "openrouter")
    }
}

/// Whether a vendor takes `top_k`, which the reference does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopK {
    Taken,
    Unknown,
}

/// How a vendor is made to report usage in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamUsage {
    /// With `stream_options.include_usage`.
    AskFor,
    /// It always does, and refuses the question.
    AlwaysSent,
}

/// How the form of an answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerSchema {
    Taken,
    /// Only that it is to be a JSON object: the schema itself is said in words.
    AsInstructions,
}

/// How a vendor is told not to call tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoTool {
    /// `tool_choice: "none"`.
    Word,
    /// It does not honour the word: the tools are left out.
    LeaveToolsOut,
}

/// Whether `parallel_tool_calls` does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParallelSwitch {
    Taken,
    Refused,
}

/// Something about a JSON schema that a vendor refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaRule {
    /// The keyword, whatever it says.
    Refuses(&'static str),
    /// The keyword where it says `false`.
    RefusesFalse(&'static str),
    /// A keyword that another one can stand for, such as `oneOf` by `anyOf`.
    Instead(&'static str, &'static str),
    /// `const` is said as an `enum` of one.
    ConstAsEnum,
}

/// What becomes of a tool's schema that has no properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyParameters {
    Taken,
    /// Refused: a tool without parameters has no schema.
    LeftOut,
}

/// What becomes of messages of the role `developer`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeveloperRole {
    Taken,
    /// Not known everywhere; `system` means the same.
    SaidAsSystem,
}

/// How a model is told not to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingSwitch {
    /// With an effort, or not at all.
    None,
    /// `thinking: {"type": "disabled"}`, in place of the effort `none`.
    Member,
    /// `enable_thinking: false`, in place of the effort `none`.
    EnableThinking,
}

/// Whether thoughts stand in the text, between `<think>` and `</think>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InlineThinking {
    None,
    /// Of the models that were trained to write the tags; who parses them for its clients sends
    /// none.
    ByModel,
    Always,
}

/// What becomes of instructions in the middle of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemMidway {
    Taken,
    /// Refused: they become part of what the user says there.
    FoldedIntoUser,
}

/// What becomes of user text right after the results of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserAfterTool {
    Taken,
    /// Refused: it is added to the last result.
    FoldedIntoTool,
}

/// How an answer is begun for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastAssistant {
    /// By an assistant message at the end.
    Taken,
    /// By one that says `prefix: true`.
    NeedsPrefix,
}

/// How a document is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// `{"type":"file","file":{"filename","file_data"}}`
    FilePart,
    /// `{"type":"document_url","document_url","document_name"}`, where a data URL is taken too.
    DocumentUrl,
    NotTaken,
}

/// Where the signature of a tool call travels that must come back with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSignature {
    None,
    /// `extra_content.google.thought_signature` of the call.
    GoogleExtraContent,
}

/// `reasoning_effort`: which words are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Those that the model takes.
    OfModel,
    /// All of these, whatever the model; the vendor finds the nearest.
    Everybody(&'static [&'static str]),
}

/// The dialect as OpenAI speaks it.
pub(crate) const REFERENCE: ChatProfile = ChatProfile {
    vendor: "openai",
    path: "/v1/chat/completions",
    token_limit_field: "max_completion_tokens",
    stream_usage: StreamUsage::AskFor,
    refused_members: &[],
    renamed_members: &[],
    top_k: TopK::Unknown,
    refused_message_members: &[],
    answer_schema: AnswerSchema::Taken,
    most_stop_sequences: Some(4),
    hottest_tenths: 20,
    any_tool: "required",
    no_tool: NoTool::Word,
    parallel_switch: ParallelSwitch::Taken,
    call_ids: CallIdRule::AtMost(40),
    tool_names: NameRule::word(64),
    schema_rules: &[],
    empty_parameters: EmptyParameters::Taken,
    developer_role: DeveloperRole::SaidAsSystem,
    system_midway: SystemMidway::Taken,
    user_after_tool: UserAfterTool::Taken,
    last_assistant: LastAssistant::Taken,
    files: Files::FilePart,
    reasoning_back: None,
    thinking_switch: ThinkingSwitch::None,
    inline_thinking: InlineThinking::None,
    call_signature: CallSignature::None,
    issuer: Issuer::Chat,
    reasoning_system: "system",
    effort: Effort::OfModel,
    settings: &[
        SettingKind::JsonObject,
        SettingKind::Verbosity,
        SettingKind::PromptCacheKey,
        SettingKind::PromptCacheRetention,
        SettingKind::ServiceTier,
        SettingKind::User,
        SettingKind::Seed,
        SettingKind::PresencePenalty,
        SettingKind::FrequencyPenalty,
        SettingKind::LogitBias,
    ],
};

/// The profile of a vendor that speaks this dialect; `None` for the others.
pub(crate) fn profile_of(kind: ProviderKind) -> Option<&'static ChatProfile> {
    match kind {
        ProviderKind::Openai => Some(&openai::PROFILE),
        ProviderKind::Xai => Some(&xai::PROFILE),
        ProviderKind::Groq => Some(&groq::PROFILE),
        ProviderKind::GeminiCompatible => Some(&gemini::PROFILE),
        ProviderKind::Mistral => Some(&mistral::PROFILE),
        ProviderKind::Together => Some(&together::PROFILE),
        ProviderKind::Deepseek => Some(&deepseek::PROFILE),
        ProviderKind::Openrouter => Some(&openrouter::PROFILE),
        ProviderKind::Azure => Some(&azure::PROFILE),
        ProviderKind::Zai => Some(&zai::PROFILE),
        ProviderKind::Moonshot => Some(&moonshot::PROFILE),
        ProviderKind::Cerebras => Some(&cerebras::PROFILE),
        ProviderKind::Fireworks => Some(&fireworks::PROFILE),
        ProviderKind::Minimax => Some(&minimax::PROFILE),
        ProviderKind::Alibaba => Some(&alibaba::PROFILE),
        ProviderKind::OpenaiCompatible => Some(&compatible::PROFILE),
        ProviderKind::Anthropic
        | ProviderKind::OpenaiResponses
        | ProviderKind::Gemini
        | ProviderKind::Mock => None,
    }
}
