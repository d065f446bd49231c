//! T1: kill -9 of the gateway under load, again and again.

use futures_util::future::join;

use crate::findings::{Findings, per_mille};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::random::Random;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;

const TARGET: &str = "0 missing, 0 duplicates, 0 nanos; captured within 5 s of the restart";
const CLIENTS: usize = 48;
const CAPTURED_WITHIN_MS: u64 = 5_000;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let kills = scale.pick(3, 50, 200);
    vec![
        on(Database::sqlite(), scale, kills).await,
        on(Database::postgres().await, scale, kills).await,
    ]
}

async fn on(database: Database, scale: Scale, kills: usize) -> Findings {
    let mut findings = Findings::new("T1", database.name(), TARGET);
    let site = Site::new(database, "", "hold = \"5s\"\n").await;
    let load = Load::new(&site.key);
    let mut restarts_ms = Vec::new();
    let mut open_at_kill = Vec::new();
    let killing = async {
        let mut random = Random::new(1);
        for _ in 0..kills {
            let begun = std::time::Instant::now();
            let process = Process::start(&site.config).await;
            // it answers only when what the last life left open is closed
            restarts_ms.push(u64::try_from(begun.elapsed().as_millis()).unwrap());
            load.whereabouts.set(Some(process.address));
            pause(250 + random.next() % 250).await;
            load.whereabouts.set(None);
            process.kill();
            open_at_kill.push(site.database.number("select count(*) from intents").await);
        }
        let process = Process::start(&site.config).await;
        load.whereabouts.set(Some(process.address));
        pause(200).await;
        load.stop();
        process
    };
    let (process, ()) = join(killing, load.run(CLIENTS, 100)).await;
    let code = process.terminate().await;
    findings.kills = kills;
    findings.require(code == Some(0), || format!("the last stop ended with {code:?}"));
    let slowest = restarts_ms.iter().copied().max().unwrap_or(0);
    findings.require_within_ms(scale, "from a restart to captured", slowest, CAPTURED_WITHIN_MS);
    findings.figure(
        "open at a kill (mean)",
        open_at_kill.iter().sum::<i64>() / open_at_kill.len() as i64,
    );
    findings
        .require(open_at_kill.iter().sum::<i64>() > 0, || "no kill met an open call".to_owned());
    findings.figure(
        "restart to captured p50/max ms",
        format!("{}/{slowest}", per_mille(&restarts_ms, 500)),
    );
    findings.figure(
        "lost",
        site.database
            .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
            .await,
    );
    oracle::judge(&site, &load.sightings.take(), &mut findings).await;
    findings
}
