//! T11: sixty-four calls with one idempotency key at once, spread over the replicas.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::driver::{Line, Sighting, request_with};
use crate::findings::Findings;
use crate::oracle;
use crate::process::Process;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str = "1 provider call, 1 row, 1 debit for each key";
const DUPLICATES: usize = 64;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let keys = scale.pick(10, 100, 1_000);
    vec![
        on(Database::sqlite(), keys, &["one"]).await,
        on(Database::postgres().await, keys, &["one", "two", "three"]).await,
    ]
}

async fn on(database: Database, keys: usize, names: &[&str]) -> Findings {
    let mut findings = Findings::new("T11", database.name(), TARGET);
    let site = Site::new(database, "", "hold = \"5s\"\n").await;
    let mut replicas = Vec::new();
    for name in names {
        replicas.push(Process::start_replica(&site.config, name).await);
    }
    let (mut answered, mut in_flight) = (0, 0);
    for number in 0..keys {
        let name = format!("chaos-{number}");
        let body = streamed(routed(&format!("once, {number} [[mock tokens=4 first_ms=20]]")));
        let calls = (0..DUPLICATES)
            .map(|duplicate| one_call(&site, &replicas[duplicate % replicas.len()], &name, &body));
        let mut sightings = join_all(calls).await;
        // and one more when all is over
        sightings.push(one_call(&site, &replicas[0], &name, &body).await);
        findings.calls += sightings.len();
        let finished = sightings.iter().filter(|sighting| sighting.finished()).count();
        answered += finished;
        in_flight += sightings.iter().filter(|sighting| sighting.status() == 409).count();
        findings
            .require(finished > 0, || format!("{name}: nobody was answered: {:?}", sightings[0]));
        for sighting in
            sightings.iter().filter(|sighting| !sighting.finished() && sighting.status() != 409)
        {
            findings.breaches.push(format!("{name}: {sighting:?}"));
        }
    }
    let codes = join_all(replicas.into_iter().map(Process::terminate)).await;
    findings.require(codes.iter().all(|code| *code == Some(0)), || {
        format!("the stops ended with {codes:?}")
    });
    let provider_calls = usize::try_from(site.mock.stats().requests).unwrap();
    let rows = usize::try_from(site.database.number("select count(*) from routing_outcomes").await)
        .unwrap();
    let debits = usize::try_from(
        site.database.number("select count(*) from transfers where kind = 'post'").await,
    )
    .unwrap();
    findings.missing += keys.saturating_sub(rows);
    findings.duplicates += rows.saturating_sub(keys);
    findings.require(provider_calls == keys && debits == keys, || {
        format!("{provider_calls} provider calls, {debits} debits for {keys} keys")
    });
    findings.figure("replicas", names.len());
    findings.figure("keys", keys);
    findings.figure("provider calls", provider_calls);
    findings.figure("debits", debits);
    findings.figure("answered", answered);
    findings.figure("told to wait (409)", in_flight);
    oracle::judge(&site, &[], &mut findings).await;
    findings
}

async fn one_call(site: &Site, replica: &Process, name: &str, body: &Value) -> Sighting {
    let mut line = Line::open(replica.address).await.unwrap();
    let asked = request_with(&site.key, body, &format!("idempotency-key: {name}\r\n"));
    line.call(&asked, Duration::from_secs(30)).await.0
}
