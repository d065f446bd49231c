//! What the caller is told about the translation of its request: each change, with the path of the
//! field in the caller's own body.

pub(crate) mod coercion;
pub(crate) mod source_map;
pub(crate) mod translation;

pub use coercion::{Coercion, Coercions, Strictness};
