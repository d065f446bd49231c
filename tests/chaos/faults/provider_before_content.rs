//! T7: every way in which a provider can fail before it says something, with one healthy candidate
//! behind it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::driver::{Line, Sighting, request};
use crate::findings::{Findings, per_mille};
use crate::oracle;
use crate::process::Process;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{MODELS, native, routed, streamed};

const TARGET: &str = "at least 99.9 % answered by the healthy candidate, 0 errors at the client";
const WIDTH: usize = 24;

const FAULTS: [&str; 23] = [
    "refuse_status status=401",
    "refuse_status status=403",
    "refuse_status status=404",
    "refuse_status status=429",
    "refuse_status status=429 retry_after=1",
    "refuse_status status=500",
    "refuse_status status=503",
    "refuse_status status=529",
    "reset_before_head",
    "close_before_head",
    "hang_before_head",
    "hang_at at=0",
    "empty_stream",
    "ping_only_then_end",
    "fin_at at=0",
    "fin_at at=1",
    "rst_at at=1",
    "fin_mid_chunk at=1",
    "garbage_at at=0",
    "bad_json_at at=1",
    "error_event_at at=1",
    "wrong_content_type",
    "redirect",
];

pub async fn run(scale: Scale) -> Vec<Findings> {
    let rounds = scale.pick(4, 60, 200);
    let mut all = Vec::new();
    for database in Database::both().await {
        all.push(on(database, scale, rounds).await);
    }
    all
}

async fn on(database: Database, scale: Scale, rounds: usize) -> Findings {
    // beside a test suite a healthy provider may be slow too
    let timer_ms = scale.pick(3_000, 400, 400) as u64;
    let mut findings = Findings::new("T7", database.name(), TARGET);
    let site =
        Site::new(database, "", &format!("hold = \"5s\"\nfirst_event = \"{timer_ms}ms\"\n")).await;
    let process = Process::start(&site.config).await;
    let calls: Vec<(usize, &str)> =
        (0..rounds).flat_map(|round| FAULTS.iter().map(move |fault| (round, *fault))).collect();
    let next = std::cell::Cell::new(0);
    let worker = || async {
        let mut seen = Vec::new();
        while let Some((round, fault)) = calls.get(next.replace(next.get() + 1)) {
            seen.push((*fault, one_call(&site, &process, *round, fault).await));
        }
        seen
    };
    let seen: Vec<(&str, Sighting)> =
        join_all((0..WIDTH).map(|_| worker())).await.into_iter().flatten().collect();
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let healthy = |sighting: &Sighting| {
        let model = sighting.model.as_deref();
        sighting.finished() && model.is_some_and(|model| MODELS[1..3].contains(&model))
    };
    for (fault, sighting) in seen.iter().filter(|(_, sighting)| !healthy(sighting)) {
        findings.breaches.push(format!("{fault}: {sighting:?}"));
    }
    let succeeded = seen.iter().filter(|(_, sighting)| healthy(sighting)).count();
    findings.figure("answered by the healthy one", format!("{succeeded} of {}", seen.len()));
    let is_timed = |fault: &str| fault.starts_with("hang");
    let took = |timed: bool| -> Vec<u64> {
        let chosen = seen.iter().filter(|(fault, _)| is_timed(fault) == timed);
        chosen.map(|(_, sighting)| u64::try_from(sighting.took.as_millis()).unwrap()).collect()
    };
    findings.figure(
        "p50/p99 ms",
        format!("{}/{}", per_mille(&took(false), 500), per_mille(&took(false), 990)),
    );
    findings.figure(
        "after a hang p50/p99 ms beyond the timer",
        format!(
            "{}/{}",
            per_mille(&took(true), 500).saturating_sub(timer_ms),
            per_mille(&took(true), 990).saturating_sub(timer_ms)
        ),
    );
    let sightings: Vec<Sighting> = seen.into_iter().map(|(_, sighting)| sighting).collect();
    oracle::judge(&site, &sightings, &mut findings).await;
    findings
}

async fn one_call(site: &Site, process: &Process, round: usize, fault: &str) -> Sighting {
    let (broken, body) = if round.is_multiple_of(2) {
        (0, routed as fn(&str) -> _)
    } else {
        (1, (|prompt: &str| native(routed(prompt))) as fn(&str) -> _)
    };
    let prompt = format!("[[mock tokens=6]] [[mock model=up-{} fault={fault}]]", MODELS[broken]);
    let mut line = Line::open(process.address).await.unwrap();
    line.call(&request(&site.key, &streamed(body(&prompt))), Duration::from_secs(30)).await.0
}
