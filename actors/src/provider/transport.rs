//! How requests get to providers. Everything below HTTP is here; the HTTP client is inside, and
//! nothing of it shows outside of `provider`.
//!
//! In reading order: [`pools`] and [`pool`] keep connections, [`connector`] makes one ([`tcp`],
//! [`proxy`], [`trust`]), [`socket`] is one, with [`answer_head`] in it; [`trace`] says what became
//! of a request on the wire, [`failure`] why there is no connection.

pub mod addresses;
pub mod answer_head;
pub mod connector;
pub mod failure;
pub mod pool;
pub mod pools;
pub mod proxy;
pub mod socket;
pub mod target;
pub mod tcp;
pub mod trace;
pub mod trust;
