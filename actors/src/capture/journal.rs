//! What was committed in the last moments, to be told again to a server that took over and may lack
//! it. Pure: told the time.
//!
//! Only stores that a standby can take over from need it. What is told again is what was decided:
//! who was let in is let in, who was refused is refused, and only what is missing is written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{AgentId, CallKind, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome};
use ainfera_schema::{TenantId, UsageBasis, Usd};
use ainfera_store::{Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Extended};
use ainfera_store::{Refused, Sent, Verdict};
use jiff::Timestamp;
use tokio::time::Instant;

/// Longer than a standby that still counts as one lags behind.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Rows that are kept whole at most: a bound on the memory.
const MOST_ROWS: usize = 10_000;
/// Calls of which only that they were and what they cost is kept: about 10 MiB.
const MOST_TRACES: usize = 100_000;
/// How many rows are told in one transaction: new calls wait until all are.
const PAGE: usize = 500;

/// Batches in the order in which they were committed.
#[derive(Default)]
pub struct Journal {
    committed: VecDeque<Committed>,
    rows: usize,
    /// Closed calls whose batches were too many to be kept.
    traces: VecDeque<(Instant, Trace)>,
    /// How many changes of the server are dealt with.
    seen_changes: u64,
}

struct Committed {
    at: Instant,
    rows: Arc<CaptureBatch>,
    verdicts: Vec<Verdict>,
    extended: Vec<Extended>,
    /// For each closing, whether there was something to close.
    closed: Vec<CloseResult>,
}

/// What is kept of a closed call at least.
struct Trace {
    request_id: RequestId,
    receipt_id: ReceiptId,
    agent_id: AgentId,
    tenant_id: TenantId,
    kind: CallKind,
    created_at: Timestamp,
    cost: Usd,
}

impl Journal {
    /// How many changes of the server have been dealt with: batches are meant for the server after
    /// the last of them.
    pub fn seen_changes(&self) -> u64 {
        self.seen_changes
    }

    /// The batch is durable on the server that answers now.
    pub fn note(&mut self, rows: Arc<CaptureBatch>, reply: &CaptureReply, now: Instant) {
        self.rows += rows_of(&rows);
        self.committed.push_back(Committed {
            at: now,
            rows,
            verdicts: reply.verdicts.iter().map(|(_, verdict)| verdict.clone()).collect(),
            extended: reply.extended.iter().map(|(_, extended)| extended.clone()).collect(),
            closed: reply.closed.iter().map(|(_, result)| *result).collect(),
        });
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |at: Instant| now.duration_since(at) > KEPT_FOR;
        while self.traces.front().is_some_and(|(at, _)| is_old(*at)) {
            self.traces.pop_front();
        }
        while let Some(oldest) = self.committed.front() {
            let is_old = is_old(oldest.at);
            if self.rows <= MOST_ROWS && !is_old {
                break;
            }
            self.rows -= rows_of(&oldest.rows);
            if let Some(oldest) = self.committed.pop_front().filter(|_| !is_old) {
                let closings = oldest.rows.closings.iter();
                self.traces.extend(closings.map(|closing| (oldest.at, Trace::of(closing))));
            }
        }
        while self.traces.len() > MOST_TRACES {
            self.traces.pop_front();
        }
    }

    /// What the server that answers now may lack, oldest first: nothing unless it is another one
    /// than before.
    pub fn take_after(&mut self, server_changes: u64) -> Vec<CaptureBatch> {
        if std::mem::replace(&mut self.seen_changes, server_changes) == server_changes {
            return Vec::new();
        }
        self.rows = 0;
        let traces: Vec<Closing> = self.traces.drain(..).map(|(_, trace)| trace.told()).collect();
        let pages = traces.chunks(PAGE).map(|closings| CaptureBatch {
            sent: Sent::ToldAgain,
            closings: closings.to_vec(),
            ..CaptureBatch::default()
        });
        let mut told: Vec<CaptureBatch> = pages.collect();
        for batch in self.committed.drain(..).map(Committed::told) {
            match told.last_mut() {
                Some(last) if rows_of(last) + rows_of(&batch) <= PAGE => join(last, batch),
                _ => told.push(batch),
            }
        }
        told
    }
}

impl Committed {
    fn told(self) -> CaptureBatch {
        let rows = Arc::unwrap_or_clone(self.rows);
        let mut told = CaptureBatch {
            sent: Sent::ToldAgain,
            extensions: kept(rows.extensions, self.extended, |extended| {
                *extended == Extended::Held
            }),
            rejections: rows.rejections,
            closings: kept(rows.closings, self.closed, |result| *result != CloseResult::Unknown),
            refusals: rows.refusals,
            ..CaptureBatch::default()
        };
        for (admission, verdict) in rows.admissions.into_iter().zip(self.verdicts) {
            let admission = Admission { smaller_holds: Vec::new(), ..admission };
            match verdict {
                Verdict::Admitted => told.admissions.push(admission),
                Verdict::AdmittedForLess(hold) => {
                    told.admissions.push(Admission { hold, ..admission });
                }
                Verdict::Refused(refusal) => {
                    told.refusals.push(Refused { draft: admission.draft, refusal });
                }
                // it left nothing
                Verdict::Duplicate(_) => {}
            }
        }
        told
    }
}

/// Both in one transaction. Where a call and its larger reservation meet, it is let in with that.
fn join(into: &mut CaptureBatch, batch: CaptureBatch) {
    for extension in batch.extensions {
        let of_it = |admission: &&mut Admission| admission.draft.request_id == extension.request_id;
        match into.admissions.iter_mut().find(of_it) {
            Some(admission) => admission.hold = admission.hold.max(extension.hold),
            None => into.extensions.push(extension),
        }
    }
    into.admissions.extend(batch.admissions);
    into.rejections.extend(batch.rejections);
    into.refusals.extend(batch.refusals);
    into.closings.extend(batch.closings);
}

fn kept<T, R>(rows: Vec<T>, results: Vec<R>, is_kept: impl Fn(&R) -> bool) -> Vec<T> {
    let pairs = rows.into_iter().zip(results);
    pairs.filter(|(_, result)| is_kept(result)).map(|(row, _)| row).collect()
}

impl Trace {
    fn of(closing: &Closing) -> Self {
        let outcome = &closing.outcome;
        Self {
            request_id: outcome.request_id,
            receipt_id: outcome.receipt_id,
            agent_id: outcome.agent_id,
            tenant_id: outcome.tenant_id,
            kind: outcome.kind,
            created_at: outcome.created_at,
            cost: outcome.cost_actual_usd,
        }
    }

    /// How it ended is no longer known, what it cost is.
    fn told(self) -> Closing {
        let Self { request_id, receipt_id, agent_id, tenant_id, kind, created_at, cost } = self;
        let outcome = RoutingOutcome {
            created_at,
            status: Some(OutcomeStatus::Lost),
            usage_basis: UsageBasis::Estimated,
            cost_actual_usd: cost,
            ..RoutingOutcome::begun(request_id, receipt_id, agent_id, tenant_id, kind)
        };
        Closing { outcome, answer: None }
    }
}

fn rows_of(batch: &CaptureBatch) -> usize {
    batch.admissions.len() + batch.rejections.len() + batch.closings.len() + batch.refusals.len()
}

#[cfg(test)]
mod tests {
    use ainfera_schema::BootId;
    use ainfera_store::{Extension, Refusal};

    use super::*;
    use crate::capture::example::{closing, outcome};

    fn batch(closings: usize) -> (Arc<CaptureBatch>, CaptureReply) {
        let closings: Vec<Closing> = (0..closings).map(|_| closing("a")).collect();
        let closed =
            closings.iter().map(|closing| (closing.outcome.request_id, CloseResult::Closed));
        let reply = CaptureReply { closed: closed.collect(), ..CaptureReply::default() };
        (Arc::new(CaptureBatch { closings, ..CaptureBatch::default() }), reply)
    }

    fn note(journal: &mut Journal, closings: usize, now: Instant) {
        let (rows, reply) = batch(closings);
        journal.note(rows, &reply, now);
    }

    fn closings_of(told: &[CaptureBatch]) -> Vec<usize> {
        told.iter().map(|batch| batch.closings.len()).collect()
    }

    fn admission(name: &str) -> Admission {
        Admission {
            draft: outcome(name),
            boot_id: BootId::mint(),
            hold: "3".parse().unwrap(),
            smaller_holds: vec!["2".parse().unwrap(), "1".parse().unwrap()],
            charge_if_lost: Usd::ZERO,
            idempotency: None,
        }
    }

    #[test]
    fn what_was_committed_lately_is_told_once_to_a_new_server() {
        let now = Instant::now();
        let mut journal = Journal::default();
        note(&mut journal, 1, now);
        note(&mut journal, 2, now + Duration::from_secs(1));
        assert!(journal.take_after(0).is_empty(), "the server is the same");
        let told = journal.take_after(1);
        assert_eq!(closings_of(&told), [3], "few transactions, for new calls wait");
        assert!(told.iter().all(|batch| batch.sent == Sent::ToldAgain));
        assert!(journal.take_after(1).is_empty() && journal.take_after(2).is_empty());
        assert_eq!(journal.seen_changes(), 2);
    }

    #[test]
    fn what_is_old_is_forgotten_and_of_what_is_too_much_the_cost_is_kept() {
        let now = Instant::now();
        let later = now + KEPT_FOR + Duration::from_secs(1);
        let mut journal = Journal::default();
        note(&mut journal, 1, now);
        note(&mut journal, 2, later);
        note(&mut journal, MOST_ROWS - 2, later);
        assert_eq!(
            (journal.committed.len(), journal.rows, journal.traces.len()),
            (2, MOST_ROWS, 0)
        );
        note(&mut journal, 1, later);
        let kept = (journal.committed.len(), journal.rows, journal.traces.len());
        assert_eq!(kept, (2, MOST_ROWS - 1, 2));
        let told = journal.take_after(1);
        assert_eq!(closings_of(&told), [2, MOST_ROWS - 2, 1]);
        assert_eq!(told[0].closings[0].outcome.status, Some(OutcomeStatus::Lost));
        assert_eq!(told[1].closings[0].outcome.status, Some(OutcomeStatus::Succeeded));
    }

    #[test]
    fn a_call_is_let_in_with_what_it_reserved_last() {
        let mut journal = Journal::default();
        let admission = admission("a");
        let (request_id, agent_id) = (admission.draft.request_id, admission.draft.agent_id);
        let verdicts = vec![(request_id, Verdict::Admitted)];
        let rows = CaptureBatch { admissions: vec![admission], ..CaptureBatch::default() };
        let reply = CaptureReply { verdicts, ..CaptureReply::default() };
        journal.note(Arc::new(rows), &reply, Instant::now());
        let mut more = |hold: &str, extended: Extended| {
            let extension = Extension { request_id, agent_id, hold: hold.parse().unwrap() };
            let rows = CaptureBatch { extensions: vec![extension], ..CaptureBatch::default() };
            let extended = vec![(request_id, extended)];
            let reply = CaptureReply { extended, ..CaptureReply::default() };
            journal.note(Arc::new(rows), &reply, Instant::now());
        };
        more("5", Extended::Held);
        more("7", Extended::Refused(Refusal::Funds { available: Usd::ZERO, needed: Usd::ZERO }));
        let told = journal.take_after(1);
        assert_eq!((told.len(), told[0].extensions.len()), (1, 0));
        assert_eq!(told[0].admissions[0].hold, "5".parse().unwrap());
    }

    #[test]
    fn what_was_decided_is_told_and_not_decided_anew() {
        let refusal = Refusal::Funds { available: Usd::ZERO, needed: "3".parse().unwrap() };
        let verdicts = [
            Verdict::Admitted,
            Verdict::AdmittedForLess("2".parse().unwrap()),
            Verdict::Refused(refusal.clone()),
        ];
        let admissions: Vec<Admission> = ["a", "b", "c"].map(admission).to_vec();
        let ids = admissions.iter().map(|admission| admission.draft.request_id);
        let reply =
            CaptureReply { verdicts: ids.zip(verdicts).collect(), ..CaptureReply::default() };
        let rows = Arc::new(CaptureBatch { admissions, ..CaptureBatch::default() });
        let mut journal = Journal::default();
        journal.note(rows, &reply, Instant::now());
        let told = journal.take_after(1).remove(0);
        let holds: Vec<Usd> = told.admissions.iter().map(|admission| admission.hold).collect();
        assert_eq!(holds, ["3", "2"].map(|hold| hold.parse().unwrap()));
        assert!(told.admissions.iter().all(|admission| admission.smaller_holds.is_empty()));
        assert_eq!(told.refusals.len(), 1);
        assert_eq!(
            (&told.refusals[0].refusal, told.refusals[0].draft.model_requested.as_str()),
            (&refusal, "c")
        );
    }
}
