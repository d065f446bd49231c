//! What the caller is told about the translation of its request: each change, with the path of the
//! field in the caller's own body.

pub mod coercion;
pub mod source_map;
pub mod translation;
