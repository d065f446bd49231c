//! Streams whose client and provider speak the same dialect: the bytes of the provider, with the
//! names of the router.

pub(crate) mod chat_repair;
pub(crate) mod gemini;
pub(crate) mod messages;
pub(crate) mod responses;
pub(crate) mod tool_names;
