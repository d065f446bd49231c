//! T20: a panic in every actor, among calls that are well. In this process: a released program has
//! no such switch.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::findings::Findings;
use crate::scale::Scale;
use crate::support::database::Database;
use crate::support::gateway::{native, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

const TARGET: &str = "one row for each call, the process lives on";
const WIDTH: usize = 24;

/// In which form a call asks for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Streamed,
    Whole,
    /// Now this, now that.
    Either,
}

/// What a call asks for, and what becomes of it.
struct Kind {
    prompt: &'static str,
    form: Form,
    http_status: u16,
    row: &'static str,
}

const fn kind(prompt: &'static str, form: Form, http_status: u16, row: &'static str) -> Kind {
    Kind { prompt, form, http_status, row }
}

/// Panics of CaptureActor and of the store behind it change nothing for anybody.
const KINDS: [Kind; 13] = [
    kind("[[mock tokens=5]]", Form::Either, 200, "succeeded"),
    kind("[[mock tokens=9 fault=fin_at at=6]]", Form::Streamed, 200, "failed_midstream"),
    kind("[[panic provider]]", Form::Streamed, 503, "failed_provider_error"),
    kind("[[panic dispatch]]", Form::Streamed, 500, "failed_other"),
    kind("[[panic brain]]", Form::Either, 500, "failed_other"),
    kind("[[panic sink]]", Form::Streamed, 200, "failed_other"),
    kind(
        "[[panic sink error]] [[mock tokens=9 fault=fin_at at=6]]",
        Form::Streamed,
        200,
        "failed_midstream",
    ),
    kind("[[panic collect]]", Form::Whole, 500, "failed_other"),
    kind("[[panic capture admit]] [[mock tokens=5]]", Form::Either, 200, "succeeded"),
    kind("[[panic capture record]] [[mock tokens=5]]", Form::Either, 200, "succeeded"),
    kind(TOO_GOOD, Form::Either, 422, "rejected_floor"),
    kind("[[panic store]] [[mock tokens=5]]", Form::Either, 200, "succeeded"),
    kind("[[panic store close]] [[mock tokens=5]]", Form::Either, 200, "succeeded"),
];
/// The one that the router rejects.
const TOO_GOOD: &str = "[[panic capture reject]]";
/// How many of them panic, and how many of those in CaptureActor.
const PANICS: usize = 11;
const CAPTURE_PANICS: usize = 3;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let rounds = scale.pick(20, 100, 250);
    // each panic would print a trace
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let injected = panic
            .payload()
            .downcast_ref::<String>()
            .is_some_and(|text| text.starts_with("injected panic"));
        if !injected {
            usual(panic);
        }
    }));
    let mut all = Vec::new();
    for database in Database::both().await {
        all.push(on(database, rounds).await);
    }
    all
}

async fn on(database: Database, rounds: usize) -> Findings {
    let mut findings = Findings::new("T20", database.name(), TARGET);
    let gateway = Gateway::with(GatewayPlan::default(), database).await;
    let bodies: Vec<(Value, u16)> = (0..rounds)
        .flat_map(|round| KINDS.iter().map(move |kind| (body(kind, round), kind.http_status)))
        .collect();
    for wave in bodies.chunks(WIDTH) {
        let answers = join_all(wave.iter().map(|(body, _)| gateway.call(body))).await;
        for (answer, (body, status)) in answers.iter().zip(wave) {
            findings.require(answer.status == *status, || {
                format!("{} instead of {status}: {body}", answer.status)
            });
        }
    }
    gateway.settled().await;
    findings.calls = bodies.len();
    let rows =
        usize::try_from(gateway.database.number("select count(*) from routing_outcomes").await)
            .unwrap();
    findings.missing = bodies.len().saturating_sub(rows);
    findings.duplicates = rows.saturating_sub(bodies.len());
    let statuses: BTreeSet<&str> = KINDS.iter().map(|kind| kind.row).collect();
    for status in statuses {
        let owed = rounds * KINDS.iter().filter(|kind| kind.row == status).count();
        let found = gateway
            .database
            .number(&format!(
                "select count(*) from routing_outcomes where outcome_status = '{status}'"
            ))
            .await;
        findings.require(usize::try_from(found).unwrap() == owed, || {
            format!("{found} rows are {status}, not {owed}")
        });
    }
    findings.figure("panics", rounds * PANICS);
    let counters = gateway.server.counters();
    let survived = usize::try_from(counters.capture_panics.value()).unwrap();
    findings.require(survived == rounds * CAPTURE_PANICS, || {
        format!("capture panicked {survived} times")
    });
    let failed = counters.capture_failed.value() + counters.dispatch_without_capture.value();
    findings.require(failed == 0, || format!("{failed} records were not taken"));
    for invariant in gateway.server.store().invariants().await.unwrap() {
        findings.require(invariant.holds, || format!("{}: {}", invariant.name, invariant.detail));
    }
    let chain = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
    findings.require(chain["valid"] == json!(true), || format!("audit chain: {chain}"));
    gateway.stop().await;
    findings
}

fn body(kind: &Kind, round: usize) -> Value {
    let mut body = routed(kind.prompt);
    if !round.is_multiple_of(2) {
        body = native(body);
    }
    if kind.prompt == TOO_GOOD {
        body["routing_hint"] = json!({"min_quality": "0.99"});
    }
    match kind.form {
        Form::Streamed => streamed(body),
        Form::Whole => body,
        Form::Either if round.is_multiple_of(3) => body,
        Form::Either => streamed(body),
    }
}
