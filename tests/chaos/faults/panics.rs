//! T20: a panic in every actor that can have one on demand, among calls that are well. In this process: a released program has no such switch.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::findings::Findings;
use crate::scale::Scale;
use crate::support::database::Database;
use crate::support::gateway::{native, routed, streamed};
use crate::support::{Gateway, GatewayPlan};

const TARGET: &str = "one row for each call, the process lives on";
const WIDTH: usize = 24;

/// A prompt, the HTTP status that a client gets, and the status of the row.
const KINDS: [(&str, u16, &str); 4] = [
    ("[[panic provider]]", 503, "failed_provider_error"),
    ("[[panic dispatch]]", 500, "failed_other"),
    ("[[mock tokens=5]]", 200, "succeeded"),
    ("[[mock tokens=9 fault=fin_at at=6]]", 200, "failed_midstream"),
];

pub async fn run(scale: Scale) -> Vec<Findings> {
    let rounds = scale.pick(20, 100, 250);
    // each panic would print a trace
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let injected = panic.payload().downcast_ref::<String>().is_some_and(|text| text.starts_with("injected panic"));
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
        .flat_map(|round| {
            KINDS.iter().map(move |(prompt, status, _)| {
                let body = if round.is_multiple_of(2) { routed(prompt) } else { native(routed(prompt)) };
                // a fault in the middle of a whole answer has a status of its own
                let is_stream = *status != 200 || prompt.contains("fault") || !round.is_multiple_of(3);
                (if is_stream { streamed(body) } else { body }, *status)
            })
        })
        .collect();
    for wave in bodies.chunks(WIDTH) {
        let answers = join_all(wave.iter().map(|(body, _)| gateway.call(body))).await;
        for (answer, (body, status)) in answers.iter().zip(wave) {
            findings.require(answer.status == *status, || format!("{} instead of {status}: {body}", answer.status));
        }
    }
    gateway.settled().await;
    findings.calls = bodies.len();
    let rows = usize::try_from(gateway.database.number("select count(*) from routing_outcomes").await).unwrap();
    findings.missing = bodies.len().saturating_sub(rows);
    findings.duplicates = rows.saturating_sub(bodies.len());
    for (_, _, status) in KINDS {
        let found = gateway.database.number(&format!("select count(*) from routing_outcomes where outcome_status = '{status}'")).await;
        findings.require(usize::try_from(found).unwrap() == rounds, || format!("{found} rows are {status}, not {rounds}"));
    }
    findings.figure("panics", rounds * 2);
    for invariant in gateway.server.store().invariants().await.unwrap() {
        findings.require(invariant.holds, || format!("{}: {}", invariant.name, invariant.detail));
    }
    let chain = gateway.get(&format!("/v1/audit/{}/verify", gateway.agent_id)).await.json();
    findings.require(chain["valid"] == json!(true), || format!("audit chain: {chain}"));
    gateway.stop().await;
    findings
}
