//! Bytes and text: JSON read without copies, JSON values with their paths, server-sent events,
//! lenient members.

pub mod json;
pub mod lenient;
pub(crate) mod members;
pub mod node;
pub mod raw_json;
pub(crate) mod shape;
pub mod sse;
pub(crate) mod well_formed;
