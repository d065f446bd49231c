//! T3: kill -9 of PostgreSQL under load, with streams that live through it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::cluster::Cluster;
use crate::driver::{Line, Sighting, request};
use crate::findings::{Findings, per_mille};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str =
    "0 acknowledged lost; no stream cut; admissions back within 2 s of the database";
const CLIENTS: usize = 24;
const STREAMS: usize = 40;
const BACK_WITHIN_MS: u64 = 2_000;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let kills = scale.pick(2, 15, 50);
    let mut findings = Findings::new("T3", "postgres", TARGET);
    let mut cluster = Cluster::start().await;
    let site =
        Site::new(Database::Postgres { url: cluster.url("chaos") }, "", "hold = \"5s\"\n").await;
    let process = Process::start(&site.config).await;
    let load = Load::new(&site.key);
    load.whereabouts.set(Some(process.address));
    let mut streams_seen = Vec::new();
    let mut back_ms = Vec::new();
    let killing = async {
        for _ in 0..kills {
            pause(200).await;
            let started = Cell::new(0);
            let streams = join_all((0..STREAMS).map(|_| long_stream(&load, &site.key, &started)));
            let kill = async {
                while started.get() < STREAMS {
                    pause(5).await;
                }
                cluster.kill();
                pause(300).await;
                cluster.resume().await;
                let accepts = Instant::now();
                while !admits(&load, &site.key).await {
                    pause(5).await;
                }
                back_ms.push(u64::try_from(accepts.elapsed().as_millis()).unwrap());
            };
            let (seen, ()) = join(streams, kill).await;
            streams_seen.extend(seen);
        }
        load.stop();
    };
    join(killing, load.run(CLIENTS, 300)).await;
    let code = process.terminate().await;
    findings.kills = kills;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let cut = streams_seen.iter().filter(|sighting| !sighting.finished()).count();
    findings.require(cut == 0, || {
        format!("{cut} of {} streams in flight were cut", streams_seen.len())
    });
    findings.figure("streams through a kill", streams_seen.len());
    findings.figure("cut", cut);
    let slowest = back_ms.iter().copied().max().unwrap_or(0);
    findings
        .figure("admissions back p50/max ms", format!("{}/{slowest}", per_mille(&back_ms, 500)));
    findings.require_within_ms(scale, "admissions back", slowest, BACK_WITHIN_MS);
    load.sightings.borrow_mut().extend(streams_seen);
    oracle::judge(&site, &load.sightings.take(), &mut findings).await;
    vec![findings]
}

/// A stream of a second and a half; `started` counts those that have content.
async fn long_stream(load: &Load, key: &str, started: &Cell<usize>) -> Sighting {
    let mut body = streamed(routed("[[mock tokens=30 delay_ms=50]]"));
    body["max_tokens"] = json!(40);
    loop {
        let mut line = Line::open(load.whereabouts.get().unwrap()).await.unwrap();
        let asked = request(key, &body);
        let note = || started.set(started.get() + 1);
        let (sighting, _) = line.call_noting(&asked, Duration::from_secs(120), note).await;
        if sighting.status() == 200 {
            return sighting;
        }
        // it was refused, and is made again
        load.sightings.borrow_mut().push(sighting);
        pause(20).await;
    }
}

async fn admits(load: &Load, key: &str) -> bool {
    let mut line = Line::open(load.whereabouts.get().unwrap()).await.unwrap();
    let (sighting, _) = line
        .call(&request(key, &streamed(routed("[[mock tokens=1]]"))), Duration::from_secs(10))
        .await;
    let admitted = sighting.status() == 200;
    load.sightings.borrow_mut().push(sighting);
    admitted
}
