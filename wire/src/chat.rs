//! The Chat Completions dialect, as spoken by OpenAI and by everybody who copies it.
//!
//! Source: OpenAI API reference, and what the other vendors were seen to send.

pub mod adjust;
pub mod call;
pub mod call_ids;
pub mod completion;
pub mod frames;
pub mod native;
pub mod profile;
pub mod request;
pub mod schema;
pub mod stream;
pub mod target;
pub mod tool_calls;
pub mod tool_names;
pub mod whole_answer;
