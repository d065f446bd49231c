//! Whether a Chat client asked for the chunk that carries the usage of a stream.

/// What the client said about the answer's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageChunk {
    /// `stream_options.include_usage`, or the answer is not streamed: then it always tells.
    Wanted,
    Unwanted,
}
