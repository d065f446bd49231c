//! The faults, by the names of the test plan. Each is a function from a scale to its findings, one
//! for each store.

pub mod clients_leave;
pub mod clock_jumps;
pub mod disk_full;
pub mod duplicate_keys;
pub mod gateway_frozen;
pub mod gateway_killed;
pub mod litellm;
pub mod panics;
pub mod postgres_killed;
pub mod provider_after_content;
pub mod provider_before_content;
pub mod replicas_killed;
pub mod store_away;
pub mod wallet_race;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;

use crate::findings::Findings;
use crate::scale::Scale;

/// Where a fault can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// On any machine that has PostgreSQL.
    Everywhere,
    /// It needs rights or programs that a plain test run may lack: not in the short form.
    Equipped,
    /// Against another gateway, which must be there: only when it is asked for by name.
    Peer,
}

pub struct Fault {
    pub name: &'static str,
    pub form: Form,
    pub run: fn(Scale) -> LocalBoxFuture<'static, Vec<Findings>>,
}

pub const ALL: [Fault; 15] = [
    Fault {
        name: "T1",
        form: Form::Everywhere,
        run: |scale| gateway_killed::run(scale).boxed_local(),
    },
    Fault {
        name: "T1r",
        form: Form::Everywhere,
        run: |scale| replicas_killed::run(scale).boxed_local(),
    },
    Fault {
        name: "T2",
        form: Form::Everywhere,
        run: |scale| gateway_frozen::run(scale).boxed_local(),
    },
    Fault {
        name: "T3",
        form: Form::Everywhere,
        run: |scale| postgres_killed::run(scale).boxed_local(),
    },
    Fault { name: "T4", form: Form::Everywhere, run: |scale| store_away::run(scale).boxed_local() },
    Fault {
        name: "T7",
        form: Form::Everywhere,
        run: |scale| provider_before_content::run(scale).boxed_local(),
    },
    Fault {
        name: "T8",
        form: Form::Everywhere,
        run: |scale| provider_after_content::run(scale).boxed_local(),
    },
    Fault {
        name: "T9",
        form: Form::Everywhere,
        run: |scale| clients_leave::run(scale).boxed_local(),
    },
    Fault {
        name: "T11",
        form: Form::Everywhere,
        run: |scale| duplicate_keys::run(scale).boxed_local(),
    },
    Fault {
        name: "T12",
        form: Form::Everywhere,
        run: |scale| wallet_race::run(scale).boxed_local(),
    },
    Fault { name: "T13", form: Form::Equipped, run: |scale| clock_jumps::run(scale).boxed_local() },
    Fault { name: "T17", form: Form::Equipped, run: |scale| disk_full::run(scale).boxed_local() },
    Fault {
        name: "litellm-T8",
        form: Form::Peer,
        run: |scale| litellm::provider_after_content(scale).boxed_local(),
    },
    Fault {
        name: "litellm-T9",
        form: Form::Peer,
        run: |scale| litellm::clients_leave(scale).boxed_local(),
    },
    Fault { name: "T20", form: Form::Everywhere, run: |scale| panics::run(scale).boxed_local() },
];
