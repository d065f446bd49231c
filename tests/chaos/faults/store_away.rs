//! T4: the store is away for a while. New calls are refused at once, streams in flight finish, and
//! what they leave is kept: in memory and in the spool, over a kill -9 of the gateway too.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;

use crate::cluster::Cluster;
use crate::driver::{Line, Sighting, request};
use crate::findings::{Findings, per_mille};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::rows;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str =
    "refusals p99 < 50 ms; every stream in flight finishes; 0 rows lost, over kill -9 too";
const CLIENTS: usize = 16;
const STREAMS: usize = 60;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let away_ms = scale.pick(1_500, 20_000, 20_000) as u64;
    vec![on("T4", scale, away_ms, Killed::No).await, on("T4k", scale, away_ms, Killed::Yes).await]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Killed {
    No,
    Yes,
}

async fn on(fault: &'static str, scale: Scale, away_ms: u64, killed: Killed) -> Findings {
    let mut findings = Findings::new(fault, "postgres", TARGET);
    let mut cluster = Cluster::start().await;
    let deadlines = "hold = \"5s\"\nspool_after = \"300ms\"\n";
    let site = Site::new(Database::Postgres { url: cluster.url("chaos") }, "", deadlines).await;
    let process = Process::start(&site.config).await;
    let load = Load::new(&site.key);
    load.whereabouts.set(Some(process.address));
    let finished_while_away = Cell::new(0);
    let outage = async {
        pause(300).await;
        // two seconds of streaming: all of them have begun when the store goes, and end while it is
        // away
        let mut body = streamed(routed("[[mock tokens=35 delay_ms=60]]"));
        body["max_tokens"] = json!(40);
        let asked = request(&site.key, &body);
        let started = Cell::new(0);
        let streams = join_all((0..STREAMS).map(|_| async {
            let mut line = Line::open(process.address).await.unwrap();
            line.call_noting(&asked, Duration::from_secs(120), || started.set(started.get() + 1))
                .await
                .0
        }));
        let away = async {
            while started.get() < STREAMS {
                pause(5).await;
            }
            cluster.kill();
        };
        let (streams, ()): (Vec<Sighting>, ()) = join(streams, away).await;
        finished_while_away.set(streams.iter().filter(|sighting| sighting.finished()).count());
        pause(away_ms.saturating_sub(2_000)).await;
        load.stop();
        streams
    };
    let (streams, ()) = join(outage, load.run(CLIENTS, 5_000)).await;
    let process = match killed {
        Killed::No => {
            cluster.resume().await;
            process
        }
        Killed::Yes => {
            findings.kills = 1;
            process.kill();
            cluster.resume().await;
            Process::start(&site.config).await
        }
    };
    let mut line = Line::open(process.address).await.unwrap();
    for _ in 0..400 {
        let (sighting, _) = line
            .call(
                &request(&site.key, &streamed(routed("[[mock tokens=1]]"))),
                Duration::from_secs(10),
            )
            .await;
        let admitted = sighting.status() == 200;
        load.sightings.borrow_mut().push(sighting);
        if admitted {
            break;
        }
        pause(10).await;
    }
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    findings.figure("away ms", away_ms);
    let sound = streams.len() == finished_while_away.get();
    findings.require(sound, || {
        format!("{} of {} streams in flight finished", finished_while_away.get(), streams.len())
    });
    findings.figure("streams that ended meanwhile", finished_while_away.get());
    let rows = rows::outcomes(&site.database).await;
    let ids = streams.iter().filter_map(|sighting| sighting.request_id);
    let kept = ids.filter(|id| rows.get(id).is_some_and(|row| row.status == "succeeded")).count();
    findings.figure("of them kept as they were", kept);
    findings.require(kept == streams.len(), || {
        format!("only {kept} of {} are kept as succeeded", streams.len())
    });
    let mut sightings = load.sightings.take();
    let refused_ms: Vec<u64> = sightings
        .iter()
        .filter(|sighting| is_store_away(sighting))
        .map(|sighting| millis(sighting.took))
        .collect();
    let p99 = per_mille(&refused_ms, 990);
    findings.figure("refused", refused_ms.len());
    findings.figure(
        "refusal p50/p99/max ms",
        format!("{}/{p99}/{}", per_mille(&refused_ms, 500), per_mille(&refused_ms, 1_000)),
    );
    findings.require(!refused_ms.is_empty(), || "nobody was refused".to_owned());
    // a debug build is no measure of speed
    let limit_ms = if scale == Scale::Published { 50 } else { 250 };
    findings.require_within_ms(scale, "refusals, p99", p99, limit_ms);
    sightings.extend(streams);
    oracle::judge(&site, &sightings, &mut findings).await;
    findings
}

fn is_store_away(sighting: &Sighting) -> bool {
    matches!(&sighting.ending, crate::driver::Ending::Refused { status: 503, message, .. } if message.contains("store"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap()
}
