//! T1 with three replicas on one PostgreSQL: one is killed, and either comes back under its name or
//! stays away until the others have closed its calls.

use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};

use crate::findings::{Findings, per_mille};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::random::Random;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;

const TARGET: &str = "0 missing, 0 duplicates, 0 nanos; a host that is gone is captured within lease, heartbeat and 5 s";
const CLIENTS: usize = 16;
const NAMES: [&str; 3] = ["one", "two", "three"];
const HEARTBEAT_MS: u64 = 300;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let kills = scale.pick(4, 40, 200);
    let mut findings = Findings::new("T1r", "postgres", TARGET);
    // beside a test suite the ones that live must not be taken for dead
    let lease_ms = scale.pick(4_000, 1_500, 1_500) as u64;
    let deadlines =
        format!("hold = \"5s\"\nlease = \"{lease_ms}ms\"\nheartbeat = \"{HEARTBEAT_MS}ms\"\n");
    let site = Site::new(Database::postgres().await, "", &deadlines).await;
    let loads = NAMES.map(|_| Load::new(&site.key));
    let (mut restart_ms, mut reaped_ms) = (Vec::new(), Vec::new());
    let killing = async {
        let mut random = Random::new(3);
        let mut replicas = Vec::new();
        for (name, load) in NAMES.iter().zip(&loads) {
            let process = Process::start_replica(&site.config, name).await;
            load.whereabouts.set(Some(process.address));
            replicas.push(Some(process));
        }
        for kill in 0..kills {
            pause(250 + random.next() % 250).await;
            let place = random.below(NAMES.len());
            loads[place].whereabouts.set(None);
            replicas[place].take().unwrap().kill();
            let killed = Instant::now();
            if kill % 4 == 3 {
                let left = reaped(&site, NAMES[place], killed).await;
                findings.require(left.is_some(), || {
                    format!("the others never closed what replica {} had left open", NAMES[place])
                });
                reaped_ms.extend(left);
            }
            let begun = Instant::now();
            let process = Process::start_replica(&site.config, NAMES[place]).await;
            restart_ms.push(u64::try_from(begun.elapsed().as_millis()).unwrap());
            loads[place].whereabouts.set(Some(process.address));
            replicas[place] = Some(process);
        }
        pause(300).await;
        loads.iter().for_each(Load::stop);
        replicas
    };
    let (replicas, _) = join(
        killing,
        join_all(
            loads
                .iter()
                .enumerate()
                .map(|(place, load)| load.run(CLIENTS, 2_000 + 100 * place as u64)),
        ),
    )
    .await;
    let codes = join_all(replicas.into_iter().flatten().map(Process::terminate)).await;
    findings.kills = kills;
    findings.require(codes.iter().all(|code| *code == Some(0)), || {
        format!("the stops ended with {codes:?}")
    });
    let slowest = reaped_ms.iter().copied().max().unwrap_or(0);
    findings.figure(
        "restart to captured p50/max ms",
        format!("{}/{}", per_mille(&restart_ms, 500), per_mille(&restart_ms, 1_000)),
    );
    findings.figure(
        "gone to captured p50/max ms",
        format!("{}/{slowest} (lease {lease_ms})", per_mille(&reaped_ms, 500)),
    );
    findings.require_within_ms(
        scale,
        "from gone to captured",
        slowest,
        lease_ms + HEARTBEAT_MS + 5_000,
    );
    findings.figure(
        "lost",
        site.database
            .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
            .await,
    );
    let sightings: Vec<_> = loads.iter().flat_map(|load| load.sightings.take()).collect();
    oracle::judge(&site, &sightings, &mut findings).await;
    vec![findings]
}

/// How long it took until nothing of the killed replica's was open any more.
async fn reaped(site: &Site, name: &str, killed: Instant) -> Option<u64> {
    let open = format!(
        "select count(*) from intents i join boots b on b.boot_id = i.boot_id where b.replica = '{name}'"
    );
    while killed.elapsed() < Duration::from_secs(90) {
        if site.database.number(&open).await == 0 {
            return u64::try_from(killed.elapsed().as_millis()).ok();
        }
        pause(20).await;
    }
    None
}
