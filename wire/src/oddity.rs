//! What was odd about a provider's answer and did not keep it from its reader. Operators see the
//! counts; nobody else is troubled.

/// A kind of oddity. There are few, because they are a label of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Oddity {
    /// A number that is text or has a fraction of zero, is negative, or is no number.
    Number,
    /// Something else where a text belongs.
    Text,
    /// Something else where true or false belongs.
    Flag,
    /// Something else where an object belongs.
    Object,
    /// Something else where a list belongs.
    List,
    /// One member twice.
    DuplicateMember,
    /// Half of a character of two UTF-16 code units.
    HalfCharacter,
    /// `NaN`, or a control character inside of a text: no JSON, but read by some.
    NoJson,
    /// The last event came, and no event before it said why the answer ends.
    NoFinishReason,
    /// The answer calls tools and does not say so.
    UnannouncedToolCall,
    /// A tool call without an id.
    NoToolCallId,
    /// The arguments of a tool call once more.
    RepeatedArguments,
    /// Content blocks that begin before the one before them has ended, or that never began.
    BlockOrder,
}

impl Oddity {
    pub const ALL: [Oddity; 13] = [
        Oddity::Number,
        Oddity::Text,
        Oddity::Flag,
        Oddity::Object,
        Oddity::List,
        Oddity::DuplicateMember,
        Oddity::HalfCharacter,
        Oddity::NoJson,
        Oddity::NoFinishReason,
        Oddity::UnannouncedToolCall,
        Oddity::NoToolCallId,
        Oddity::RepeatedArguments,
        Oddity::BlockOrder,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Oddity::Number => "number",
            Oddity::Text => "text",
            Oddity::Flag => "flag",
            Oddity::Object => "object",
            Oddity::List => "list",
            Oddity::DuplicateMember => "duplicate_member",
            Oddity::HalfCharacter => "half_character",
            Oddity::NoJson => "no_json",
            Oddity::NoFinishReason => "no_finish_reason",
            Oddity::UnannouncedToolCall => "unannounced_tool_call",
            Oddity::NoToolCallId => "no_tool_call_id",
            Oddity::RepeatedArguments => "repeated_arguments",
            Oddity::BlockOrder => "block_order",
        }
    }
}
