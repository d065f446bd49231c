//! T9: the client leaves, at each of twelve points of a call.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::driver::{Line, request};
use crate::findings::{Findings, per_mille};
use crate::oracle;
use crate::process::{Process, pause};
use crate::relay::Relay;
use crate::scale::Scale;
use crate::site::Site;
use crate::support::database::Database;
use crate::support::gateway::{native, routed, streamed};

const TARGET: &str = "1 row each; the provider of a silent stream is let go within 250 ms (p99)";
const WIDTH: usize = 20;
const LET_GO_P99_MS: u64 = 250;

/// When it leaves. Native frames of nine tokens: start, block, ping, nine pieces, block end,
/// message_delta, message_stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    BeforeAByte,
    InTheHead,
    AfterTheHead,
    InTheBody,
    RightAfterTheBody,
    /// The provider has the request and says nothing, not even a head.
    BeforeTheProvidersHead,
    /// The provider has sent its head and `message_start`.
    BeforeContent,
    /// The client has had its 200, because the hold was over, and nothing else.
    AfterTheStatus,
    /// Some content, then silence.
    InASilence,
    /// Content keeps coming.
    InTheFlow,
    /// All content came, but not the stop reason.
    BeforeTheStopReason,
    AfterTheEnd,
}

const POINTS: [Point; 12] = [
    Point::BeforeAByte,
    Point::InTheHead,
    Point::AfterTheHead,
    Point::InTheBody,
    Point::BeforeTheProvidersHead,
    Point::BeforeContent,
    Point::AfterTheStatus,
    Point::InASilence,
    Point::InTheFlow,
    Point::BeforeTheStopReason,
    Point::AfterTheEnd,
    // last: nobody can say when the gateway has seen all of them, and their rows must not count for
    // the next point
    Point::RightAfterTheBody,
];

impl Point {
    fn prompt(self) -> &'static str {
        match self {
            Point::BeforeTheProvidersHead => "[[mock fault=hang_before_head]]",
            Point::BeforeContent | Point::AfterTheStatus => "[[mock tokens=9 fault=hang_at at=1]]",
            Point::InASilence => "[[mock tokens=9 fault=hang_at at=7]]",
            Point::InTheFlow => "[[mock tokens=480 delay_ms=20]]",
            Point::BeforeTheStopReason => "[[mock tokens=9 fault=hang_at at=13]]",
            _ => "[[mock tokens=9]]",
        }
    }

    /// How many rows so many clients leave at this point.
    fn rows(self, clients: usize) -> std::ops::RangeInclusive<usize> {
        match self {
            Point::BeforeAByte | Point::InTheHead | Point::AfterTheHead | Point::InTheBody => 0..=0,
            // the gateway may never see the request, or see it and the end together
            Point::RightAfterTheBody => 0..=clients,
            _ => clients..=clients,
        }
    }

    pub fn is_silent(self) -> bool {
        use Point::{
            AfterTheStatus, BeforeContent, BeforeTheProvidersHead, BeforeTheStopReason, InASilence,
        };
        matches!(
            self,
            BeforeTheProvidersHead
                | BeforeContent
                | AfterTheStatus
                | InASilence
                | BeforeTheStopReason
        )
    }

    fn status(self) -> &'static str {
        if self == Point::AfterTheEnd { "succeeded" } else { "client_gone" }
    }
}

pub async fn run(scale: Scale) -> Vec<Findings> {
    let clients = scale.pick(20, 300, 1_000);
    let mut all = Vec::new();
    for database in Database::both().await {
        all.push(on(database, scale, clients).await);
    }
    all
}

async fn on(database: Database, scale: Scale, clients: usize) -> Findings {
    let mut findings = Findings::new("T9", database.name(), TARGET);
    let mut relay = None;
    let site = Site::with_upstream(database, "", "hold = \"150ms\"\nping = \"1m\"\n", |mock| {
        relay.insert(Relay::start(mock)).base_url()
    })
    .await;
    let relay = relay.unwrap();
    let process = Process::start(&site.config).await;
    let (mut silent_ms, mut flowing_ms, mut rows_before) = (Vec::new(), Vec::new(), 0);
    for (place, point) in POINTS.into_iter().enumerate() {
        let tags: Vec<u64> =
            (0..clients).map(|client| (place * 1_000_000 + client) as u64).collect();
        let mut left = Vec::new();
        for wave in tags.chunks(WIDTH) {
            let address = process.address;
            let calls = wave.iter().map(|tag| {
                let asked = request(&site.key, &body_at(point, *tag));
                let relay = &relay;
                async move { leave(address, &asked, relay, point, *tag).await }
            });
            left.extend(join_all(calls).await);
        }
        findings.calls += clients;
        let (times, never) = let_go_ms(&relay, &left, point).await;
        findings.require(never == 0, || {
            format!("{point:?}: {never} provider connections were never let go")
        });
        if point.is_silent() {
            silent_ms.extend(times)
        } else {
            flowing_ms.extend(times)
        }
        let rows = settled_rows(&site, rows_before, point, clients).await;
        findings.require(point.rows(clients).contains(&(rows - rows_before)), || {
            format!("{point:?}: {} rows for {clients} clients", rows - rows_before)
        });
        // whoever leaves at once may be answered before the end of the connection is seen
        if point != Point::RightAfterTheBody {
            let status = format!(
                "select count(*) from routing_outcomes where outcome_status = '{}'",
                point.status()
            );
            let fitting = usize::try_from(site.database.number(&status).await).unwrap();
            let new = rows - rows_before;
            findings.require(fitting >= new, || {
                format!("{point:?}: {new} rows, but only {fitting} are {}", point.status())
            });
        }
        rows_before = rows;
    }
    let code = process.terminate().await;
    findings.require(code == Some(0), || format!("the stop ended with {code:?}"));
    let strange = "select count(*) from routing_outcomes where outcome_status not in ('client_gone', 'succeeded')";
    let strange = site.database.number(strange).await;
    findings
        .require(strange == 0, || format!("{strange} rows are neither client_gone nor succeeded"));
    let p99 = per_mille(&silent_ms, 990);
    findings.figure(
        "let go, silent p50/p99/max ms",
        format!("{}/{p99}/{}", per_mille(&silent_ms, 500), per_mille(&silent_ms, 1_000)),
    );
    findings.figure(
        "flowing p50/p99 ms",
        format!("{}/{}", per_mille(&flowing_ms, 500), per_mille(&flowing_ms, 990)),
    );
    findings.require_within_ms(scale, "a silent stream's provider let go, p99", p99, LET_GO_P99_MS);
    oracle::judge(&site, &[], &mut findings).await;
    findings
}

/// A call that goes as far as the point.
pub fn body_at(point: Point, tag: u64) -> Value {
    let mut body = streamed(native(routed(&format!("call-{tag}- {}", point.prompt()))));
    body["max_tokens"] = json!(500);
    body
}

/// Goes as far as the point and leaves; when that was.
pub async fn leave(
    address: SocketAddr,
    request: &[u8],
    relay: &Relay,
    point: Point,
    tag: u64,
) -> (u64, Instant) {
    let head = memchr::memmem::find(request, b"\r\n\r\n").unwrap() + 4;
    let sent = match point {
        Point::BeforeAByte => 0,
        Point::InTheHead => head / 2,
        Point::AfterTheHead => head,
        Point::InTheBody => head + (request.len() - head) / 2,
        _ => request.len(),
    };
    let mut line = Line::open(address).await.unwrap();
    line.send_raw(&request[..sent]).await.unwrap();
    match point {
        Point::BeforeAByte
        | Point::InTheHead
        | Point::AfterTheHead
        | Point::InTheBody
        | Point::RightAfterTheBody => {}
        Point::BeforeTheProvidersHead | Point::BeforeContent => {
            // there is no event for it: the relay notes it on its own thread
            while relay.watched(tag).is_none() {
                pause(1).await;
            }
            pause(20).await;
        }
        Point::AfterTheStatus => assert!(line.read_until("200 OK").await),
        Point::InASilence | Point::InTheFlow => {
            assert!(line.read_until("content_block_delta").await)
        }
        Point::BeforeTheStopReason => assert!(line.read_until("content_block_stop").await),
        Point::AfterTheEnd => assert!(line.read_until("message_stop").await),
    }
    let left = Instant::now();
    if tag.is_multiple_of(2) {
        line.reset();
    } else {
        drop(line);
    }
    (tag, left)
}

/// From each client's leaving to the provider's losing its connection, and how many were never let
/// go.
pub async fn let_go_ms(relay: &Relay, left: &[(u64, Instant)], point: Point) -> (Vec<u64>, usize) {
    if !point.is_silent() && point != Point::InTheFlow {
        return (Vec::new(), 0);
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    let still = || {
        left.iter()
            .filter(|(tag, _)| relay.watched(*tag).is_none_or(|watched| watched.let_go.is_none()))
            .count()
    };
    while still() > 0 && Instant::now() < deadline {
        pause(5).await;
    }
    let times = left.iter().filter_map(|(tag, left)| {
        Some(relay.watched(*tag)?.let_go?.saturating_duration_since(*left))
    });
    (times.map(|time| u64::try_from(time.as_millis()).unwrap()).collect(), still())
}

/// The number of rows once nothing is open any more and it no longer grows.
async fn settled_rows(site: &Site, before: usize, point: Point, clients: usize) -> usize {
    let count = || async {
        usize::try_from(site.database.number("select count(*) from routing_outcomes").await)
            .unwrap()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut last = count().await;
    loop {
        pause(
            if point.rows(clients).end() - point.rows(clients).start() > 0
                || *point.rows(clients).end() == 0
            {
                200
            } else {
                20
            },
        )
        .await;
        let now = count().await;
        let open = site.database.number("select count(*) from intents").await;
        let enough = now - before >= *point.rows(clients).start();
        if (open == 0 && enough && now == last) || Instant::now() > deadline {
            return now;
        }
        last = now;
    }
}
