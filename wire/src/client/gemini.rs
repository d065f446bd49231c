//! The client's side of Gemini's dialect: its requests in, its streams and whole answers out.
//!
//! The model and the form of the answer stand in the address: [`request::GeminiTarget`]. Google
//! takes each member of a body in two spellings, and so does [`names`].

pub(crate) mod array;
pub(crate) mod names;
pub(crate) mod request;
pub(crate) mod schema;
pub(crate) mod signatures;
pub(crate) mod stream;
pub(crate) mod whole;
