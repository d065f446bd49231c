//! Streams whose client and provider speak the same dialect: the bytes of the provider, with the
//! names of the router.

pub mod chat_repair;
pub mod messages;
pub mod responses;
pub mod tool_names;
