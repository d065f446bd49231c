//! How requests get to providers. Everything below HTTP is here, and nothing outside of `provider` knows it.

pub mod pools;
pub mod trust;
