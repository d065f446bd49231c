//! What was committed in the last moments, to be sent again to a server that took over and may lack
//! it. Only stores that a standby can take over from need it. What is sent again is what was
//! decided: who was let in is let in, who was refused is refused, and only what is missing is
//! written.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{AgentId, CallKind, OutcomeStatus, ReceiptId, RequestId, RoutingOutcome};
use ainfera_schema::{TenantId, UsageBasis, Usd};
use ainfera_store::{Admission, CaptureBatch, CaptureReply, CloseResult, Closing, Extended};
use ainfera_store::{Refused, Sent, Verdict};
use jiff::Timestamp;

use super::batch::Source;

/// Longer than a standby that still counts as one lags behind.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Rows that are kept whole at most: a bound on the memory.
const MOST_ROWS: usize = 10_000;
/// Calls of which only that they were and what they cost is kept: about 10 MiB.
const MOST_TRACES: usize = 100_000;
/// How many rows are sent in one transaction: new calls wait until all are.
const PAGE: usize = 500;

/// Batches in the order in which their commits were heard of.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    committed: VecDeque<Committed>,
    rows: usize,
    /// Closed calls whose batches were too many to be kept.
    traces: VecDeque<(Duration, Trace)>,
    /// How many changes of the server are dealt with.
    server_changes: u64,
    /// Of the next commit.
    next_number: u64,
}

#[derive(Debug, Clone)]
struct Committed {
    at: Duration,
    /// The order of the first commits.
    number: u64,
    /// The server that it is on: the one after so many changes.
    on_server: u64,
    rows: Arc<CaptureBatch>,
    verdicts: Vec<Verdict>,
    extended: Vec<Extended>,
    /// For each closing, whether there was something to close.
    closed: Vec<CloseResult>,
}

/// What is kept of a closed call at least.
#[derive(Debug, Clone)]
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
    pub(super) fn server_changes(&self) -> u64 {
        self.server_changes
    }

    /// The batch is durable on the server that it was meant for.
    pub(super) fn note(
        &mut self,
        rows: Arc<CaptureBatch>,
        source: Source,
        reply: &CaptureReply,
        now: Duration,
    ) {
        let number = source.number().unwrap_or(self.next_number);
        self.next_number = self.next_number.max(number + 1);
        self.rows += rows_of(&rows);
        self.committed.push_back(Committed {
            at: now,
            number,
            on_server: rows.server_changes.unwrap_or(self.server_changes),
            rows,
            verdicts: reply.verdicts.iter().map(|(_, verdict)| verdict.clone()).collect(),
            extended: reply.extended.iter().map(|(_, extended)| extended.clone()).collect(),
            closed: reply.closed.iter().map(|(_, result)| *result).collect(),
        });
        self.forget(now);
    }

    fn forget(&mut self, now: Duration) {
        let is_old = |at: Duration| now.saturating_sub(at) > KEPT_FOR;
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

    /// What the server that answers now may lack, oldest first, each with the number of its first
    /// commit.
    pub(super) fn take_lacking(&mut self, server_changes: u64) -> Vec<(u64, CaptureBatch)> {
        let is_new = server_changes > self.server_changes;
        self.server_changes = self.server_changes.max(server_changes);
        let known = self.server_changes;
        if !is_new && self.committed.iter().all(|committed| committed.on_server >= known) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.committed).into_iter();
        let (kept, lacking): (VecDeque<_>, VecDeque<_>) =
            all.partition(|committed| committed.on_server >= known);
        self.rows = kept.iter().map(|committed| rows_of(&committed.rows)).sum();
        self.committed = kept;
        let mut lacking = Vec::from(lacking);
        lacking.sort_by_key(|committed| committed.number);
        let traces = if is_new { std::mem::take(&mut self.traces) } else { VecDeque::new() };
        let traces: Vec<Closing> = traces.into_iter().map(|(_, trace)| trace.closing()).collect();
        let pages = traces.chunks(PAGE).map(|closings| CaptureBatch {
            sent: Sent::ToldAgain,
            closings: closings.to_vec(),
            ..CaptureBatch::default()
        });
        // what they are of was committed before everything that is kept whole
        let mut batches: Vec<(u64, CaptureBatch)> = pages.map(|page| (0, page)).collect();
        let mut next_number = 0;
        for committed in lacking {
            let (number, batch) = (committed.number, committed.decided());
            let follows = std::mem::replace(&mut next_number, number + 1) == number;
            match batches.last_mut() {
                Some((_, last)) if follows && rows_of(last) + rows_of(&batch) <= PAGE => {
                    join(last, batch);
                }
                _ => batches.push((number, batch)),
            }
        }
        batches
    }

    /// The batches, each with its number and the server that it is on.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&CaptureBatch, u64, u64)> {
        let committed = self.committed.iter();
        committed.map(|committed| (&*committed.rows, committed.number, committed.on_server))
    }
}

impl Committed {
    /// As it was decided.
    fn decided(self) -> CaptureBatch {
        let rows = Arc::unwrap_or_clone(self.rows);
        let mut decided = CaptureBatch {
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
            let admission = Admission { smaller_reservations: Vec::new(), ..admission };
            match verdict {
                Verdict::Admitted => decided.admissions.push(admission),
                Verdict::AdmittedForLess(reservation) => {
                    decided.admissions.push(Admission { reservation, ..admission });
                }
                Verdict::Refused(refusal) => {
                    decided.refusals.push(Refused { draft: admission.draft, refusal });
                }
                // it left nothing
                Verdict::Duplicate(_) => {}
            }
        }
        decided
    }
}

/// Both in one transaction. Where a call and its larger reservation meet, it is let in with that.
fn join(into: &mut CaptureBatch, batch: CaptureBatch) {
    for extension in batch.extensions {
        let of_it = |admission: &&mut Admission| admission.draft.request_id == extension.request_id;
        match into.admissions.iter_mut().find(of_it) {
            Some(admission) => {
                admission.reservation = admission.reservation.max(extension.reservation)
            }
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
    fn closing(self) -> Closing {
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

    fn note(journal: &mut Journal, closings: usize, now: Duration) {
        let (rows, reply) = batch(closings);
        journal.note(rows, Source::Calls, &reply, now);
    }

    fn closings_of(batches: &[(u64, CaptureBatch)]) -> Vec<usize> {
        batches.iter().map(|(_, batch)| batch.closings.len()).collect()
    }

    fn admission(name: &str) -> Admission {
        Admission {
            draft: outcome(name),
            boot_id: BootId::mint(),
            reservation: "3".parse().unwrap(),
            smaller_reservations: vec!["2".parse().unwrap(), "1".parse().unwrap()],
            charge_if_lost: Usd::ZERO,
            idempotency: None,
        }
    }

    #[test]
    fn what_was_committed_lately_is_sent_once_to_a_new_server() {
        let mut journal = Journal::default();
        note(&mut journal, 1, Duration::ZERO);
        note(&mut journal, 2, Duration::from_secs(1));
        assert!(journal.take_lacking(0).is_empty(), "the server is the same");
        let lacking = journal.take_lacking(1);
        assert_eq!(closings_of(&lacking), [3], "few transactions, for new calls wait");
        assert!(lacking.iter().all(|(_, batch)| batch.sent == Sent::ToldAgain));
        assert!(journal.take_lacking(1).is_empty() && journal.take_lacking(2).is_empty());
        assert_eq!(journal.server_changes(), 2);
    }

    #[test]
    fn a_commit_that_is_heard_of_after_the_change_is_on_the_server_before() {
        let mut journal = Journal::default();
        note(&mut journal, 1, Duration::ZERO);
        assert_eq!(closings_of(&journal.take_lacking(1)), [1]);
        let (mut rows, reply) = batch(2);
        Arc::make_mut(&mut rows).server_changes = Some(0);
        journal.note(rows, Source::Calls, &reply, Duration::ZERO);
        note(&mut journal, 3, Duration::ZERO);
        assert_eq!(closings_of(&journal.take_lacking(1)), [2]);
        assert_eq!(journal.rows, 3, "what is on the new server is kept for the next");
    }

    #[test]
    fn what_is_old_is_forgotten_and_of_what_is_too_much_the_cost_is_kept() {
        let later = KEPT_FOR + Duration::from_secs(1);
        let mut journal = Journal::default();
        note(&mut journal, 1, Duration::ZERO);
        note(&mut journal, 2, later);
        note(&mut journal, MOST_ROWS - 2, later);
        assert_eq!(
            (journal.committed.len(), journal.rows, journal.traces.len()),
            (2, MOST_ROWS, 0)
        );
        note(&mut journal, 1, later);
        let kept = (journal.committed.len(), journal.rows, journal.traces.len());
        assert_eq!(kept, (2, MOST_ROWS - 1, 2));
        let lacking = journal.take_lacking(1);
        assert_eq!(closings_of(&lacking), [2, MOST_ROWS - 2, 1]);
        assert_eq!(lacking[0].1.closings[0].outcome.status, Some(OutcomeStatus::Lost));
        assert_eq!(lacking[1].1.closings[0].outcome.status, Some(OutcomeStatus::Succeeded));
    }

    #[test]
    fn a_call_is_let_in_with_what_it_reserved_last() {
        let mut journal = Journal::default();
        let admission = admission("a");
        let (request_id, agent_id) = (admission.draft.request_id, admission.draft.agent_id);
        let verdicts = vec![(request_id, Verdict::Admitted)];
        let rows = CaptureBatch { admissions: vec![admission], ..CaptureBatch::default() };
        let reply = CaptureReply { verdicts, ..CaptureReply::default() };
        journal.note(Arc::new(rows), Source::Calls, &reply, Duration::ZERO);
        let mut more = |amount: &str, extended: Extended| {
            let extension =
                Extension { request_id, agent_id, reservation: amount.parse().unwrap() };
            let rows = CaptureBatch { extensions: vec![extension], ..CaptureBatch::default() };
            let extended = vec![(request_id, extended)];
            let reply = CaptureReply { extended, ..CaptureReply::default() };
            journal.note(Arc::new(rows), Source::Calls, &reply, Duration::ZERO);
        };
        more("5", Extended::Held);
        more("7", Extended::Refused(Refusal::Funds { available: Usd::ZERO, needed: Usd::ZERO }));
        let lacking = journal.take_lacking(1);
        assert_eq!((lacking.len(), lacking[0].1.extensions.len()), (1, 0));
        assert_eq!(lacking[0].1.admissions[0].reservation, "5".parse().unwrap());
    }

    #[test]
    fn what_was_decided_is_sent_and_not_decided_anew() {
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
        journal.note(rows, Source::Calls, &reply, Duration::ZERO);
        let (_, sent) = journal.take_lacking(1).remove(0);
        let reservations: Vec<Usd> =
            sent.admissions.iter().map(|admission| admission.reservation).collect();
        assert_eq!(reservations, ["3", "2"].map(|amount| amount.parse().unwrap()));
        assert!(sent.admissions.iter().all(|admission| admission.smaller_reservations.is_empty()));
        assert_eq!(sent.refusals.len(), 1);
        assert_eq!(
            (&sent.refusals[0].refusal, sent.refusals[0].draft.model_requested.as_str()),
            (&refusal, "c")
        );
    }
}
