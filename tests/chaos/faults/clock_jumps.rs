//! T13: the host's clock jumps an hour back and forth under a running gateway, and another
//! replica's clock is wrong. Needs `faketime` (Debian package).
//!
//! Only the wall clock is bent, of the gateways alone: the database keeps the true time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::{join, join_all};

use crate::driver::{Line, Sighting, request};
use crate::findings::Findings;
use crate::load::Load;
use crate::oracle;
use crate::process::{Disguise, Process, pause};
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str = "nothing closed early, no id given twice";
const CLIENTS: usize = 16;
const STREAMS: usize = 50;

pub async fn run(scale: Scale) -> Vec<Findings> {
    let jumps = scale.pick(2, 12, 40);
    vec![on(Database::postgres().await, jumps).await]
}

async fn on(database: Database, jumps: usize) -> Findings {
    let mut findings = Findings::new("T13", database.name(), TARGET);
    let Some(library) = library() else {
        findings
            .breaches
            .push("libfaketime is missing: install the Debian package faketime".to_owned());
        return findings;
    };
    let site = Site::new(database, "", "hold = \"5s\"\n").await;
    let clock = site.folder.path().join("clock");
    set_clock(&clock, 0);
    let process = Process::start_as(&site.config, bent_clock(&library, &clock)).await;
    let load = Load::new(&site.key);
    load.whereabouts.set(Some(process.address));
    let jumping = async {
        // streams that live through every jump
        let body = request(&site.key, &streamed(routed("[[mock tokens=1000 delay_ms=25]]")));
        let streams = join_all((0..STREAMS).map(|_| async {
            let mut line = Line::open(process.address).await.unwrap();
            line.call(&body, Duration::from_secs(120)).await.0
        }));
        let jump = async {
            pause(500).await;
            for jump in 0..jumps {
                set_clock(&clock, [-3600, 3600, 0][jump % 3]);
                // a replica with a clock that is wrong the other way starts, serves, and must leave
                // the first one's calls alone
                let other_clock = site.folder.path().join("other-clock");
                set_clock(&other_clock, [3600, -3600, 3600][jump % 3]);
                let mut disguise = bent_clock(&library, &other_clock);
                disguise.arguments = vec!["--replica".to_owned(), "two".to_owned()];
                let other = Process::start_as(&site.config, disguise).await;
                let mut line = Line::open(other.address).await.unwrap();
                let (sighting, _) = line
                    .call(
                        &request(&site.key, &streamed(routed("[[mock tokens=3]]"))),
                        Duration::from_secs(30),
                    )
                    .await;
                load.sightings.borrow_mut().push(sighting);
                pause(700).await;
                other.terminate().await;
            }
            load.stop();
        };
        join(streams, jump).await.0
    };
    let (streams, ()): (Vec<Sighting>, ()) = join(jumping, load.run(CLIENTS, 1_300)).await;
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let cut = streams.iter().filter(|sighting| !sighting.finished()).count();
    findings.require(cut == 0, || {
        format!(
            "{cut} streams did not live through the jumps: {:?}",
            streams.iter().find(|stream| !stream.finished())
        )
    });
    let lost = site
        .database
        .number("select count(*) from routing_outcomes where outcome_status = 'lost'")
        .await;
    findings.require(lost == 0, || {
        format!("{lost} calls were closed as lost while their gateway was alive")
    });
    findings.figure("jumps", jumps);
    findings.figure("streams through the jumps", streams.len());
    findings.figure("closed early", lost);
    load.sightings.borrow_mut().extend(streams);
    oracle::judge(&site, &load.sightings.take(), &mut findings).await;
    findings
}

/// Where Debian puts it, on whatever architecture.
fn library() -> Option<PathBuf> {
    let architectures = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    architectures
        .map(|entry| entry.path().join("faketime/libfaketime.so.1"))
        .find(|path| path.exists())
}

fn bent_clock(library: &Path, clock: &Path) -> Disguise {
    let pairs = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Disguise {
        environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..Disguise::default()
    }
}

/// Replaced as a whole: the gateway may be reading it.
fn set_clock(clock: &Path, seconds: i64) {
    let next = clock.with_extension("next");
    std::fs::write(&next, format!("{seconds:+}s\n")).unwrap();
    std::fs::rename(next, clock).unwrap();
}
