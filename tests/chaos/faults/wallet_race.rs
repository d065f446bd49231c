//! T12: a thousand calls at once against a wallet that fits exactly so many.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ainfera_schema::{AgentId, Usd};
use futures_util::future::{join, join_all};

use crate::driver::{Ending, Line, Sighting, request};
use crate::findings::Findings;
use crate::oracle;
use crate::process::{Process, pause};
use crate::rows;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str = "exactly k of 1000 let in, overspend 0 nanos";
const OPENS: usize = 1_000;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let repetitions = [scale.pick(2, 20, 100), scale.pick(3, 40, 100)];
    let mut all = Vec::new();
    for (database, repetitions) in Database::both().await.into_iter().zip(repetitions) {
        all.push(on(database, repetitions).await);
    }
    all
}

async fn on(database: Database, repetitions: usize) -> Findings {
    let mut findings = Findings::new("T12", database.name(), TARGET);
    let mut site = Site::new(database, "", "hold = \"60s\"\n").await;
    let process = Process::start(&site.config).await;
    let body = streamed(routed("[[mock fault=hang_before_head]]"));
    let hold = hold_of(&site, &process, &body).await;
    let mut sightings: Vec<Sighting> = Vec::new();
    let (mut worst_overspend, mut exact) = (0, 0);
    for repetition in 0..repetitions {
        let fits = 1 + (repetition * 7) % 50;
        // and not a nano-dollar more than that: one less than the next hold
        let funding = hold * fits as i64 + if repetition.is_multiple_of(2) { 0 } else { hold - 1 };
        let key = site.new_agent(Usd::from_nanos(funding)).await;
        let agent_id = *site.agents.last().unwrap();
        let asked = request(&key, &body);
        let mut lines =
            join_all((0..OPENS).map(|_| async { Line::open(process.address).await.unwrap() }))
                .await;
        // those that are let in hang until all the others have been refused
        let (refused, all_are_in) = (Cell::new(0), Cell::new(false));
        let calls = lines.iter_mut().map(|line| {
            let (asked, refused, all_are_in) = (&asked, &refused, &all_are_in);
            async move {
                let call = async {
                    let (sighting, _) = line.call(asked, Duration::from_secs(60)).await;
                    refused.set(refused.get() + 1);
                    sighting
                };
                let enough = async {
                    while !all_are_in.get() {
                        pause(10).await;
                    }
                };
                tokio::select! { biased; sighting = call => Some(sighting), () = enough => None }
            }
        });
        let watch = async {
            while refused.get() < OPENS - fits {
                pause(10).await;
            }
            // the rest is let in sooner or later, and whoever would be refused too late is refused
            // now
            let deadline = Instant::now() + Duration::from_secs(60);
            while held_by(&site, agent_id).await < hold * fits as i64 && Instant::now() < deadline {
                pause(10).await;
            }
            pause(50).await;
            all_are_in.set(true);
        };
        let (answers, ()) = join(join_all(calls), watch).await;
        let held = held_by(&site, agent_id).await;
        drop(lines);
        let admitted = answers.iter().filter(|answer| answer.is_none()).count();
        exact += usize::from(admitted == fits && held == hold * fits as i64);
        findings.require(admitted == fits, || {
            format!("repetition {repetition}: {admitted} were let in where {fits} fit")
        });
        findings.require(held == hold * fits as i64, || {
            format!("repetition {repetition}: {held} nanos held, {fits} holds of {hold}")
        });
        worst_overspend = worst_overspend.max(held - funding);
        for sighting in answers.into_iter().flatten() {
            findings
                .require(matches!(sighting.ending, Ending::Refused { status: 402, .. }), || {
                    format!("{sighting:?}")
                });
            sightings.push(sighting);
        }
        findings.calls += admitted;
        let spent = rows::nanos(
            &site.database,
            "amount",
            &format!("transfers where kind = 'post' and agent_id = '{agent_id}'"),
        )
        .await;
        worst_overspend = worst_overspend.max(spent - funding);
    }
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let negative = site.database.number("select count(*) from accounts where balance < 0").await;
    findings.require(negative == 0 && worst_overspend <= 0, || {
        format!("{negative} wallets overspent, the worst by {worst_overspend} nanos")
    });
    findings.figure("repetitions with exactly k", format!("{exact} of {repetitions}"));
    findings.figure("overspend nanos", worst_overspend.max(0));
    oracle::judge(&site, &sightings, &mut findings).await;
    findings
}

/// What the agent's account holds at the moment, in nano-dollars.
async fn held_by(site: &Site, agent_id: AgentId) -> i64 {
    rows::nanos(&site.database, "held", &format!("accounts where agent_id = '{agent_id}'")).await
}

/// What one such call holds, in nano-dollars.
async fn hold_of(site: &Site, process: &Process, body: &serde_json::Value) -> i64 {
    let mut line = Line::open(process.address).await.unwrap();
    line.send_raw(&request(&site.key, body)).await.unwrap();
    loop {
        let held = rows::nanos(&site.database, "held", "accounts").await;
        if held > 0 {
            drop(line);
            while rows::nanos(&site.database, "held", "accounts").await > 0 {
                pause(5).await;
            }
            return held;
        }
        pause(5).await;
    }
}
