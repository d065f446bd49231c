//! How vendors of the Chat Completions dialect differ in what they write.

/// What a vendor leaves open or does in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    pub call_index: CallIndex,
    pub call_identity: CallIdentity,
    pub call_opening: CallOpening,
    pub usage: UsagePlace,
    pub ending: StreamEnding,
    pub comments: Comments,
}

/// How the pieces of parallel calls are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallIndex {
    FromZero,
    FromOne,
    /// There is no index, and every piece has the call's id.
    Missing,
}

/// Where a call's id and name stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallIdentity {
    InFirstPiece,
    InEveryPiece,
}

/// Whether a call's first piece has arguments already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOpening {
    WithoutArguments,
    WithArguments,
}

/// Which chunk has the usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsagePlace {
    OwnChunk,
    WithFinishReason,
    /// In the member `x_groq` of the chunk with the finish reason.
    InXGroq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnding {
    /// `data: [DONE]`.
    Done,
    /// The connection ends after the last chunk.
    Silent,
}

/// Comments that keep the connection alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comments {
    Never,
    BeforeEveryChunk,
}

impl Habits {
    /// The reference of the dialect.
    pub const OPENAI: Self = Self {
        call_index: CallIndex::FromZero,
        call_identity: CallIdentity::InFirstPiece,
        call_opening: CallOpening::WithoutArguments,
        usage: UsagePlace::OwnChunk,
        ending: StreamEnding::Done,
        comments: Comments::Never,
    };
}
