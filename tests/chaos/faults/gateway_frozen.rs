//! T2: a replica is frozen (SIGSTOP) for longer than its lease, is given up by the other, and wakes
//! (SIGCONT) believing that its calls are its own.

use std::time::Duration;

use futures_util::future::join3;

use crate::findings::{Findings, LostAnswers};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;

const TARGET: &str =
    "0 duplicate rows, at most one adjustment for each late close, the zombie ends itself";
const CLIENTS: usize = 24;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let freezes = scale.pick(1, 10, 20);
    let mut findings = Findings::new("T2", "postgres", TARGET);
    findings.lost_answers = LostAnswers::WhereAReplicaSlept;
    // beside a test suite the one that is awake must not be taken for dead
    let lease_ms = scale.pick(4_000, 1_000, 1_000) as u64;
    let frozen_ms = lease_ms + 1_500;
    let deadlines = format!("hold = \"5s\"\nlease = \"{lease_ms}ms\"\nheartbeat = \"250ms\"\n");
    let site = Site::new(Database::postgres().await, "", &deadlines).await;
    let (frozen, awake) = (Load::new(&site.key), Load::new(&site.key));
    let freezing = async {
        let other = Process::start_replica(&site.config, "two").await;
        awake.whereabouts.set(Some(other.address));
        for _ in 0..freezes {
            let process = Process::start_replica(&site.config, "one").await;
            frozen.whereabouts.set(Some(process.address));
            pause(700).await;
            process.signal("STOP");
            frozen.whereabouts.set(None);
            pause(frozen_ms).await;
            process.signal("CONT");
            // fenced: it drains what it has and ends
            let ended = process.ends_within(Duration::from_secs(90)).await;
            findings.require(ended, || "a replica that was given up goes on".to_owned());
        }
        frozen.stop();
        awake.stop();
        other
    };
    let (other, (), ()) =
        join3(freezing, frozen.run(CLIENTS, 4_000), awake.run(CLIENTS / 2, 4_500)).await;
    let code = other.terminate().await;
    findings.kills = freezes;
    findings.require(code == Some(0), || format!("the other replica ended with {code:?}"));
    findings.figure("frozen ms", format!("{frozen_ms} (lease {lease_ms})"));
    let lost = site
        .database
        .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
        .await;
    findings.figure("closed by the other", lost);
    findings.require(lost > 0, || "no freeze met an open call".to_owned());
    let twice = "select count(*) from (select request_id from transfers where kind = 'adjust' group by request_id having count(*) > 1) twice";
    let twice = site.database.number(twice).await;
    findings.require(twice == 0, || format!("{twice} calls were adjusted more than once"));
    let mut sightings = frozen.sightings.take();
    sightings.extend(awake.sightings.take());
    oracle::judge(&site, &sightings, &mut findings).await;
    vec![findings]
}
