//! What the course of a call depends on.

use super::admission::CallSetup;
use super::machine::CallTerms;

pub(super) fn terms(setup: &CallSetup) -> CallTerms {
    let worker = &setup.worker;
    CallTerms {
        kind: setup.target.kind(),
        delivery: setup.call.delivery,
        max_tokens: setup.call.max_tokens,
        reservations: worker.reservations,
        acknowledge: worker.acknowledge,
        head_delay: worker.deadlines.head_delay,
        total: worker.deadlines.answering.total,
        drain_after_disconnect: worker.deadlines.drain_after_disconnect,
    }
}
