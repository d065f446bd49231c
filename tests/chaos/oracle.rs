//! Compares what clients saw with what was kept: rows, ledger, audit.

use std::collections::HashSet;
use std::process::Command;

use crate::driver::{Ending, Sighting};
use crate::findings::{Findings, LostAnswers};
use crate::rows::{self, Row};
use crate::site::Site;

/// Asks everything that must hold once the gateway has stopped.
pub async fn judge(site: &Site, sightings: &[Sighting], findings: &mut Findings) {
    let rows = rows::outcomes(&site.database).await;
    findings.calls += sightings.len();
    let mut seen = HashSet::new();
    let mut answered_but_lost = 0;
    for sighting in sightings {
        let Some(request_id) = sighting.request_id else { continue };
        findings.require(seen.insert(request_id), || {
            format!("request id {request_id} was given twice")
        });
        let row = rows.get(&request_id);
        match (owed(sighting), row) {
            (Owed::Row, None) => {
                findings.missing += 1;
                findings.breaches.push(format!("{request_id} has no row: {sighting:?}"));
            }
            (Owed::Row | Owed::Perhaps, Some(row)) => {
                findings.require(fits(sighting, row), || {
                    format!("{request_id} is {}, its client saw {:?}", row.status, sighting.ending)
                });
                answered_but_lost += usize::from(is_answer(sighting) && row.status == "lost");
            }
            (Owed::Perhaps, None) => {}
        }
    }
    let allowed = findings.lost_answers == LostAnswers::WhereAReplicaSlept;
    findings.require(answered_but_lost == 0 || allowed, || {
        format!("{answered_but_lost} calls were answered, and their rows say that they are lost")
    });
    findings.duplicates += rows.values().filter(|row| row.copies > 1).count();
    for (table, condition) in [("transfers", "where kind = 'post'"), ("inferences", "")] {
        let twice = format!(
            "select count(*) from (select request_id from {table} {condition} group by request_id having count(*) > 1) twice"
        );
        findings.duplicates += usize::try_from(site.database.number(&twice).await).unwrap();
    }
    findings.figure("rows", rows.len());
    findings.figure(
        "rows nobody saw",
        rows.keys().filter(|request_id| !seen.contains(request_id)).count(),
    );
    findings.figure("answered but lost", answered_but_lost);
    books(site, findings).await;
    let open = site.database.number("select count(*) from intents").await;
    findings.missing += usize::try_from(open).unwrap();
    findings.require(open == 0, || format!("{open} calls are still open"));
}

/// Money and chains: what moved is what the calls cost.
async fn books(site: &Site, findings: &mut Findings) {
    let moved = rows::nanos(&site.database, "amount", "transfers where kind = 'post'").await;
    let adjusted =
        site.database.number("select count(*) from transfers where kind = 'adjust'").await;
    if adjusted > 0 {
        findings.figure("adjusted", adjusted);
    }
    let cost = rows::nanos(&site.database, "cost_actual_usd", "routing_outcomes").await
        + rows::nanos(&site.database, "cost_usd", "closed_calls where kind = 'direct'").await;
    findings.ledger_difference_nanos += moved - cost;
    let doctor = Command::new(env!("CARGO_BIN_EXE_ainfera"))
        .args(["doctor", "--json", "--database", &site.database.url()])
        .output()
        .unwrap();
    findings.require(doctor.status.success(), || {
        format!(
            "doctor: {}{}",
            String::from_utf8_lossy(&doctor.stdout),
            String::from_utf8_lossy(&doctor.stderr)
        )
    });
    let store = ainfera_store::open(&site.database.url()).await.unwrap();
    for agent_id in &site.agents {
        let verdict = store.verify_audit(*agent_id).await.unwrap();
        findings.require(verdict.valid, || format!("audit chain of {agent_id}: {verdict:?}"));
    }
}

enum Owed {
    /// Exactly one row.
    Row,
    /// The answer does not say whether it was let in.
    Perhaps,
}

fn owed(sighting: &Sighting) -> Owed {
    match &sighting.ending {
        Ending::Whole(_) | Ending::Cut(_) | Ending::Left(_) => Owed::Row,
        Ending::Refused { status: 402 | 409 | 422 | 502 | 504, .. } => Owed::Row,
        Ending::Refused { status: 503, message, .. }
            if message.starts_with("all routed models failed") =>
        {
            Owed::Row
        }
        Ending::Refused { .. } | Ending::NoHead => Owed::Perhaps,
    }
}

/// The client had the whole of an answer, good or bad. Who heard that the store is away had none.
fn is_answer(sighting: &Sighting) -> bool {
    match sighting.ending {
        Ending::Whole(_) => true,
        Ending::Refused { .. } => matches!(owed(sighting), Owed::Row),
        Ending::Cut(_) | Ending::Left(_) | Ending::NoHead => false,
    }
}

/// A killed gateway may have said more than it could still write down, and written down more than
/// it could still say.
fn fits(sighting: &Sighting, row: &Row) -> bool {
    let status = row.status.as_str();
    if status == "lost" {
        return true;
    }
    match &sighting.ending {
        Ending::Whole(speech) if speech.error.is_some() => {
            matches!(
                status,
                "failed_midstream" | "failed_provider_error" | "timed_out" | "failed_other"
            )
        }
        Ending::Whole(_) => status == "succeeded",
        Ending::Cut(_) | Ending::Left(_) | Ending::NoHead => !status.starts_with("rejected"),
        Ending::Refused { status: 402, .. } => matches!(status, "rejected_funds" | "rejected_cap"),
        Ending::Refused { status: 409, .. } => status == "rejected_inactive",
        Ending::Refused { status: 422, .. } => {
            matches!(status, "rejected_floor" | "rejected_tools" | "rejected_strict")
        }
        Ending::Refused { status: 504, .. } => status == "timed_out",
        Ending::Refused { status: 502, .. } => {
            matches!(status, "failed_midstream" | "failed_provider_error")
        }
        Ending::Refused { message, .. } if message.starts_with("all routed") => {
            status == "failed_provider_error"
        }
        // told that the store is away while the store was at it: whatever it wrote cost nothing
        Ending::Refused { .. } => {
            matches!(status, "failed_other" | "client_gone")
                || (status.starts_with("rejected") && row.cost_nanos == 0)
        }
    }
}
