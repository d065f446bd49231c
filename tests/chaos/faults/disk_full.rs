//! T17: SQLite's disk fills up under load, and has room again. Needs the right to mount a small
//! tmpfs.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join;
use tempfile::TempDir;

use crate::driver::{Line, request};
use crate::findings::{Findings, per_mille};
use crate::load::Load;
use crate::oracle;
use crate::process::{Process, pause};
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{routed, streamed};

const TARGET: &str = "refusals at once while full, no corruption, back by itself";
const CLIENTS: usize = 16;
const REFUSES_WITHIN_MS: u64 = 1_000;
const BACK_WITHIN_MS: u64 = 5_000;
const PATIENT: Duration = Duration::from_secs(30);
const IMPATIENT: Duration = Duration::from_millis(250);

/// A small file system of its own.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Result<Self, String> {
        let directory = TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=96m", "tmpfs"])
            .arg(directory.path())
            .output()
            .unwrap();
        if mounted.status.success() {
            Ok(Self(directory))
        } else {
            Err(String::from_utf8_lossy(&mounted.stderr).into_owned())
        }
    }

    /// Until not a single byte more fits.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            while ballast.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn ballast(&self) -> std::path::PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

pub async fn run(scale: Scale) -> Vec<Findings> {
    let rounds = scale.pick(1, 5, 20);
    let mut findings = Findings::new("T17", "sqlite", TARGET);
    let disk = match SmallDisk::mount() {
        Ok(disk) => disk,
        Err(why) => {
            findings.breaches.push(format!("no tmpfs could be mounted: {why}"));
            return vec![findings];
        }
    };
    let database = Database::Sqlite { path: disk.0.path().join("test.db"), _directory: None };
    let site = Site::new(database, "", "hold = \"5s\"\n").await;
    let process = Process::start(&site.config).await;
    let load = Load::new(&site.key);
    load.whereabouts.set(Some(process.address));
    let (mut refuses_ms, mut back_ms, mut statuses_while_full) =
        (Vec::new(), Vec::new(), Vec::new());
    let filling = async {
        for _ in 0..rounds {
            pause(300).await;
            disk.fill();
            let full = Instant::now();
            // the write-ahead log may still have room inside: until it has none, calls are let in
            // and that is right
            wait_for(&load, &site, 503).await;
            refuses_ms.push(u64::try_from(full.elapsed().as_millis()).unwrap());
            for _ in 0..20 {
                statuses_while_full.push(one_call(&load, &site, PATIENT).await);
            }
            std::fs::remove_file(disk.ballast()).unwrap();
            let room = Instant::now();
            wait_for(&load, &site, 200).await;
            back_ms.push(u64::try_from(room.elapsed().as_millis()).unwrap());
        }
        load.stop();
    };
    join(filling, load.run(CLIENTS, 1_700)).await;
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let admitted = statuses_while_full.iter().filter(|(status, _)| *status != 503).count();
    findings
        .require(admitted == 0, || format!("{admitted} calls were let in while the disk was full"));
    let refusal_ms: Vec<u64> = statuses_while_full.iter().map(|(_, took)| *took).collect();
    findings.figure("rounds", rounds);
    findings.figure("first refusal max ms", refuses_ms.iter().max().unwrap());
    findings.figure("refusal p99 ms", per_mille(&refusal_ms, 990));
    findings.figure("back max ms", back_ms.iter().max().unwrap());
    let refused = load
        .sightings
        .borrow()
        .iter()
        .filter(|sighting| sighting.status() == 503)
        .map(|sighting| sighting.took.as_millis())
        .max();
    findings.figure("longest wait of a refused call ms", refused.unwrap_or(0));
    findings.require(refuses_ms.iter().all(|ms| *ms <= REFUSES_WITHIN_MS), || {
        format!("first refusals after {refuses_ms:?} ms")
    });
    findings.require(back_ms.iter().all(|ms| *ms <= BACK_WITHIN_MS), || {
        format!("back after {back_ms:?} ms")
    });
    findings.require(intact(site_path(&site)), || "SQLite's own integrity check fails".to_owned());
    oracle::judge(&site, &load.sightings.take(), &mut findings).await;
    vec![findings]
}

async fn wait_for(load: &Load, site: &Site, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(30);
    // a call that is in the failing transaction itself waits for its admission deadline: the next
    // one tells
    while one_call(load, site, IMPATIENT).await.0 != status {
        assert!(Instant::now() < deadline, "no {status} within 30 s");
        pause(5).await;
    }
}

/// Its status, and how long it took in milliseconds.
async fn one_call(load: &Load, site: &Site, patience: Duration) -> (u16, u64) {
    let mut line = Line::open(load.whereabouts.get().unwrap()).await.unwrap();
    let (sighting, _) =
        line.call(&request(&site.key, &streamed(routed("[[mock tokens=3]]"))), patience).await;
    let seen = (sighting.status(), u64::try_from(sighting.took.as_millis()).unwrap());
    load.sightings.borrow_mut().push(sighting);
    seen
}

fn site_path(site: &Site) -> &Path {
    match &site.database {
        Database::Sqlite { path, .. } => path,
        Database::Postgres { .. } => unreachable!("this fault is SQLite's"),
    }
}

fn intact(path: &Path) -> bool {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("pragma integrity_check", [], |row| row.get::<_, String>(0)).unwrap()
        == "ok"
}
