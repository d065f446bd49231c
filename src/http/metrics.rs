//! `GET /metrics`, for Prometheus.

use actix_web::HttpResponse;
use actix_web::web::Data;
use ainfera_actors::counters::Counters;
use ainfera_schema::OutcomeStatus;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

use super::state::Shared;

/// The counters are kept by the actors; a registry is built for each scrape, which costs nothing
/// between scrapes.
pub async fn metrics(shared: Data<Shared>) -> HttpResponse {
    let mut registry = Registry::with_prefix("ainfera");
    register_counters(&shared.counters, &mut registry);
    register_gauges(&shared, &mut registry);
    register_outcomes(&shared.counters, &mut registry);
    super::unforeseen::register(&shared.counters.unforeseen_refusals, &mut registry);
    register_oddities(&shared.counters, &mut registry);
    super::breakers::register(&shared.parts().health, &mut registry);
    super::reloads::register(&shared.reloads, &mut registry);
    super::killswitch::register(&shared, &mut registry).await;
    super::quarantine::register(&shared, &mut registry).await;
    super::checkup::register(&shared.checkup.borrow(), &mut registry);
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn register_counters(counters: &Counters, registry: &mut Registry) {
    for (name, help, value) in [
        (
            "dispatch_without_capture",
            "closed calls that had neither an intent nor an outcome; must stay 0",
            &counters.dispatch_without_capture,
        ),
        (
            "passthrough_with_capture",
            "pinned calls that left a routing outcome, as the doctor last saw; must stay 0",
            &counters.passthrough_with_capture,
        ),
        (
            "implausible_usage",
            "answers whose provider reported usage that cannot be true or has no price",
            &counters.implausible_usage,
        ),
        (
            "capture_failed",
            "records that the store refused for good; must stay 0",
            &counters.capture_failed,
        ),
        ("capture_panics", "panics that capture survived; must stay 0", &counters.capture_panics),
        (
            "answers_unacknowledged",
            "answers that ended before their row was durable, because it took longer than the deadline `acknowledge`",
            &counters.unacknowledged,
        ),
        (
            "rows_written_again",
            "rows of closed calls that a database server which took over lacked",
            &counters.written_again,
        ),
        ("store_errors", "transactions that failed and were sent again", &counters.store_errors),
        ("commits", "transactions committed", &counters.commits),
    ] {
        registry.register(name, help, ConstCounter::new(value.value()));
    }
}

fn register_gauges(shared: &Shared, registry: &mut Registry) {
    let counters = &shared.counters;
    registry.register(
        "calls_spooled",
        "closed calls that are in the spool and not yet in the store",
        ConstGauge::new(i64::try_from(counters.spooled.value()).unwrap_or(i64::MAX)),
    );
    registry.register(
        "websockets_open",
        "WebSocket connections of clients that are open",
        ConstGauge::new(i64::try_from(counters.websockets_open.value()).unwrap_or(i64::MAX)),
    );
    registry.register(
        "calls_in_flight",
        "calls between admission and their durable row",
        ConstGauge::new(i64::from(shared.gate.in_flight())),
    );
    registry.register(
        "audit_parted",
        "1 while the database lacks what was signed and no break was declared: nothing is signed; must be 0",
        ConstGauge::new(i64::try_from(counters.audit_parted.value()).unwrap_or(i64::MAX)),
    );
}

fn register_outcomes(counters: &Counters, registry: &mut Registry) {
    let outcomes: Family<
        [(&'static str, &'static str); 1],
        prometheus_client::metrics::counter::Counter,
    > = Family::default();
    for status in OutcomeStatus::ALL {
        outcomes
            .get_or_create(&[("status", status.as_str())])
            .inc_by(counters.outcome(status).value());
    }
    registry.register("outcomes", "calls by how they ended", outcomes);
    let info: Family<[(&'static str, &'static str); 1], Gauge> = Family::default();
    info.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
    registry.register("app_info", "what runs here", info);
}

fn register_oddities(counters: &Counters, registry: &mut Registry) {
    let oddities: Family<
        [(&'static str, String); 2],
        prometheus_client::metrics::counter::Counter,
    > = Family::default();
    for (provider, oddity, count) in counters.oddities.values() {
        let labels = [("provider", provider.to_string()), ("kind", oddity.as_str().to_owned())];
        oddities.get_or_create(&labels).inc_by(count);
    }
    registry.register(
        "provider_oddities",
        "what was odd about providers' answers and was read all the same, by kind",
        oddities,
    );
}
