//! Everything of the configuration but providers and models.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ainfera_schema::Deadlines;
use rust_decimal::Decimal;

use super::database::DatabaseUrl;
use super::document::Section;
use super::environment::{Environment, host_name, non_empty};
use super::field::Field;
use super::models::read_quality;
use super::own_deadlines;
use super::secret;
use super::spool::SpoolPlace;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
/// What balancers on the way take to notice that this process is not ready.
const DRAIN_LEAST_BEYOND_LOOPBACK: Duration = Duration::from_secs(5);
/// Above the idle times of balancers, so that they close first: nginx 60 s, AWS 60 s, Google Cloud
/// 600 s.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(620);
const DEFAULT_REPLICA: &str = "main";
const DEFAULT_MAX_IN_FLIGHT: u32 = 10_000;
const DEFAULT_MAX_ATTEMPTS: u32 = 3;
const MEBIBYTE: u64 = 1 << 20;

/// How the router weighs models. The defaults are the plain rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingSettings {
    /// The quality floor of a call that names none.
    pub default_floor: Decimal,
    /// Hold the floor against the prior only; otherwise against the observed quality where there is
    /// one.
    pub floor_on_q_prior: bool,
    /// Rank by price per quality; otherwise by list price.
    pub expected_cost_ranking: bool,
    /// Whether a caller's `routing_preference` has an effect.
    pub preference_live: bool,
}

/// How much a caller may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest request body.
    pub body_bytes: usize,
    /// All request bodies in memory at once; beyond it new calls are refused with a time to wait.
    pub all_bodies_bytes: usize,
    /// Those of one agent in memory at once; beyond it that agent is refused with a time to wait.
    pub bodies_per_key_bytes: usize,
    /// The pace that a body must keep.
    pub body_bytes_per_second: usize,
    /// Reads of one agent that may run at once; others wait for their turn.
    pub reads_per_key: usize,
}

/// Whether the answers of calls with an idempotency key are kept, to be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerRetention {
    #[default]
    Keep,
    Discard,
}

/// What the database must be like.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Start only on a database that keeps what it has acknowledged.
    #[default]
    Required,
    /// Start on any: for tests and for data that may be lost.
    NotChecked,
}

/// Whether a replica's name may be taken from a process that still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakeOver {
    /// This process does not start.
    #[default]
    Refused,
    /// The running one is given up: its open calls are closed as lost.
    Forced,
}

/// What the command line says; it goes before the file.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    pub listen: Option<SocketAddr>,
    pub database: Option<DatabaseUrl>,
    pub replica: Option<String>,
    pub take_over: TakeOver,
}

/// The part of the configuration that is about this process.
pub(super) struct Settings {
    pub listen: SocketAddr,
    pub take_over: TakeOver,
    pub database: DatabaseUrl,
    pub durability: Durability,
    pub replica: String,
    /// How long an idle connection of a client stays open.
    pub keep_alive: Duration,
    pub workers: Option<usize>,
    pub max_in_flight: u32,
    pub max_attempts: u32,
    pub deadlines: Deadlines,
    pub spool: SpoolPlace,
    pub routing: RoutingSettings,
    pub limits: Limits,
    pub answers: AnswerRetention,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self {
            default_floor: Decimal::new(50, 2),
            floor_on_q_prior: true,
            expected_cost_ranking: false,
            preference_live: false,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            all_bodies_bytes: 512 << 20,
            bodies_per_key_bytes: 128 << 20,
            body_bytes_per_second: 1024,
            reads_per_key: 4,
        }
    }
}

pub(super) fn read(
    root: &Section<'_>,
    overrides: Overrides,
    environment: &Environment<'_>,
) -> Settings {
    // The file is read even where the command line overrides it, so that its mistakes are reported.
    let listen = root.field("listen").and_then(|field| read_address(&field));
    let database = root.field("database").and_then(|field| read_database(&field, environment));
    let replica = root.field("replica").and_then(|field| field.name().map(str::to_owned));
    let database = overrides.database.or(database).unwrap_or_default();
    let (durability, spool) =
        root.field("store").and_then(|field| field.table(read_store)).unwrap_or_default();
    let take_over = overrides.take_over;
    let listen = overrides.listen.or(listen).unwrap_or(DEFAULT_LISTEN);
    let named = overrides.replica.or(replica);
    let lasts = named.is_some() || listen.port() != 0;
    let replica = named.unwrap_or_else(|| default_replica(&database, listen));
    Settings {
        listen,
        take_over,
        durability,
        spool: spool.map_or_else(
            || SpoolPlace::default_of(&database, lasts.then_some(replica.as_str())),
            SpoolPlace::at,
        ),
        replica,
        database,
        keep_alive: root
            .field("keep_alive")
            .and_then(|field| field.duration())
            .unwrap_or(DEFAULT_KEEP_ALIVE),
        workers: whole(root, "workers", 1, 1024),
        max_in_flight: whole(root, "max_in_flight", 1, 10_000_000).unwrap_or(DEFAULT_MAX_IN_FLIGHT),
        max_attempts: whole(root, "max_attempts", 1, 20).unwrap_or(DEFAULT_MAX_ATTEMPTS),
        deadlines: deadlines_of(root, listen),
        routing: read_routing(root, environment),
        limits: root.field("limits").and_then(|field| field.table(read_limits)).unwrap_or_default(),
        answers: root
            .field("idempotency")
            .and_then(|field| field.table(read_idempotency))
            .unwrap_or_default(),
    }
}

/// A replica's name must outlive its process: by it a later boot finds the calls that an earlier
/// one left open. An embedded store has one process; a shared one may have several, which must not
/// take each other's calls for orphans.
fn default_replica(database: &DatabaseUrl, listen: SocketAddr) -> String {
    match (database, listen.port()) {
        (DatabaseUrl::Sqlite(_), _) => DEFAULT_REPLICA.to_owned(),
        // With port 0 the port differs at each start, so the process id stands in the name. The
        // reaper closes what such a process leaves open.
        (DatabaseUrl::Postgres(_), 0) => format!("{}:process-{}", host_name(), std::process::id()),
        (DatabaseUrl::Postgres(_), port) => format!("{}:{port}", host_name()),
    }
}

fn read_store(section: &Section<'_>) -> Option<(Durability, Option<PathBuf>)> {
    let unsafe_allowed =
        section.field("allow_unsafe_durability").and_then(|field| field.flag()).unwrap_or(false);
    let spool = section.field("spool").and_then(|field| field.text().map(PathBuf::from));
    Some((if unsafe_allowed { Durability::NotChecked } else { Durability::Required }, spool))
}

fn read_address(field: &Field<'_>) -> Option<SocketAddr> {
    let address = field.text()?.parse().ok();
    if address.is_none() {
        field.refuse("must be an IP address and a port such as \"127.0.0.1:8080\"");
    }
    address
}

/// A URL in place, or the secret that holds it.
fn read_database(field: &Field<'_>, environment: &Environment<'_>) -> Option<DatabaseUrl> {
    let url = if field.is_table() {
        secret::read(field, environment)?.expose().to_owned()
    } else {
        field.text()?.to_owned()
    };
    url.parse()
        .map_err(|error: super::database::DatabaseUrlError| field.refuse(error.to_string()))
        .ok()
}

fn deadlines_of(root: &Section<'_>, listen: SocketAddr) -> Deadlines {
    let drain_least =
        if listen.ip().is_loopback() { Duration::ZERO } else { DRAIN_LEAST_BEYOND_LOOPBACK };
    let default = Deadlines { drain_least, ..Deadlines::default() };
    root.field("deadlines")
        .and_then(|field| field.table(|section| read_deadlines(section, default)))
        .unwrap_or(default)
}

fn read_deadlines(section: &Section<'_>, default: Deadlines) -> Option<Deadlines> {
    let mut deadlines = default;
    // Deadlines of all models hold for reasoning models too, unless those have a table of their
    // own.
    let of_all = own_deadlines::read_table(section);
    let of_reasoning = section
        .field("reasoning")
        .and_then(|field| field.table(|table| Some(own_deadlines::read_table(table))));
    deadlines.answering = of_all.over(deadlines.answering);
    deadlines.reasoning = of_reasoning.unwrap_or_default().over(of_all.over(deadlines.reasoning));
    if let Some(set) = section.field("drain_least").and_then(|field| field.duration_or_zero()) {
        deadlines.drain_least = set;
    }
    for (key, deadline) in [
        ("connect", &mut deadlines.connect),
        ("stall", &mut deadlines.stall),
        ("ping", &mut deadlines.ping),
        ("drain", &mut deadlines.drain),
        ("body", &mut deadlines.body),
        ("admission", &mut deadlines.admission),
        ("spool_after", &mut deadlines.spool_after),
        ("acknowledge", &mut deadlines.acknowledge),
        ("drain_after_disconnect", &mut deadlines.drain_after_disconnect),
        ("websocket", &mut deadlines.websocket),
        ("heartbeat", &mut deadlines.heartbeat),
        ("lease", &mut deadlines.lease),
    ] {
        if let Some(set) = section.field(key).and_then(|field| field.duration()) {
            *deadline = set;
        }
    }
    let head_delay = section.renamed_field("head_delay", "hold");
    if let Some(set) = head_delay.and_then(|field| field.duration()) {
        deadlines.head_delay = set;
    }
    if let Some(field) =
        section.field("lease").filter(|_| deadlines.lease < deadlines.heartbeat * 2)
    {
        field.refuse("must be at least two heartbeats, or a replica that is only slow is given up");
    }
    Some(deadlines)
}

fn read_routing(root: &Section<'_>, environment: &Environment<'_>) -> RoutingSettings {
    let preference_live =
        non_empty(environment, "AINFERA_ROUTING_PREFERENCE_LIVE").as_deref() == Some("1");
    let default = RoutingSettings { preference_live, ..RoutingSettings::default() };
    let set = root
        .field("routing")
        .and_then(|field| field.table(|section| read_routing_table(section, &default)));
    set.unwrap_or(default)
}

fn read_routing_table(section: &Section<'_>, default: &RoutingSettings) -> Option<RoutingSettings> {
    let flag = |key, default| section.field(key).and_then(|field| field.flag()).unwrap_or(default);
    Some(RoutingSettings {
        default_floor: section
            .field("default_floor")
            .and_then(|field| read_quality(&field))
            .unwrap_or(default.default_floor),
        floor_on_q_prior: flag("floor_on_q_prior", default.floor_on_q_prior),
        expected_cost_ranking: flag("expected_cost_ranking", default.expected_cost_ranking),
        preference_live: flag("preference_live", default.preference_live),
    })
}

fn read_idempotency(section: &Section<'_>) -> Option<AnswerRetention> {
    let retained = section.field("retain_answers").and_then(|field| field.flag()).unwrap_or(true);
    Some(if retained { AnswerRetention::Keep } else { AnswerRetention::Discard })
}

fn read_limits(section: &Section<'_>) -> Option<Limits> {
    let default = Limits::default();
    let body_bytes =
        whole(section, "body_bytes", 1024, 1024 * MEBIBYTE).unwrap_or(default.body_bytes);
    let all_field = section.field("all_bodies_bytes");
    let all_bodies_bytes =
        all_field.as_ref().and_then(|field| field.whole(1024..=1024 * 1024 * MEBIBYTE));
    let all_bodies_bytes = all_bodies_bytes
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(default.all_bodies_bytes);
    if let Some(field) = all_field.filter(|_| all_bodies_bytes < body_bytes) {
        field.refuse(format!("must be at least body_bytes, which is {body_bytes}"));
    }
    let all_bodies_bytes = all_bodies_bytes.max(body_bytes);
    let key_field = section.field("bodies_per_key_bytes");
    let per_key = key_field.as_ref().and_then(|field| field.whole(1024..=1024 * 1024 * MEBIBYTE));
    let per_key = per_key
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or_else(|| (all_bodies_bytes / 4).max(body_bytes));
    if let Some(field) = key_field.filter(|_| per_key < body_bytes) {
        field.refuse(format!("must be at least body_bytes, which is {body_bytes}"));
    }
    Some(Limits {
        body_bytes,
        all_bodies_bytes,
        bodies_per_key_bytes: per_key,
        body_bytes_per_second: whole(section, "body_bytes_per_second", 1, MEBIBYTE)
            .unwrap_or(default.body_bytes_per_second),
        reads_per_key: whole(section, "reads_per_key", 1, 1000).unwrap_or(default.reads_per_key),
    })
}

fn whole<T: TryFrom<u64>>(
    section: &Section<'_>,
    key: &'static str,
    least: u64,
    most: u64,
) -> Option<T> {
    let number = section.field(key)?.whole(least..=most)?;
    T::try_from(number).ok()
}
