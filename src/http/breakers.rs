//! Which providers the gateway keeps away from or cannot reach, for `/metrics`.

use std::time::Instant;

use ainfera_actors::health::Health;
use ainfera_actors::health::breaker::Standing;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Without breakers nothing is set aside.
pub fn register(health: &Health, registry: &mut Registry) {
    let states: Family<[(&'static str, String); 2], Gauge> = Family::default();
    for (provider, model, standing) in health.standings(Instant::now()) {
        let state = match standing {
            Standing::Closed => 0,
            Standing::HalfOpen => 1,
            Standing::Open => 2,
        };
        states
            .get_or_create(&[("provider", provider.to_string()), ("model", model.to_string())])
            .set(state);
    }
    let aside: Family<[(&'static str, String); 3], Gauge> = Family::default();
    for entry in health.set_aside(Instant::now()) {
        let model = entry.model.map(|model| model.to_string()).unwrap_or_default();
        let labels = [
            ("provider", entry.provider.to_string()),
            ("model", model),
            ("reason", entry.reason.as_str().to_owned()),
        ];
        aside.get_or_create(&labels).set(1);
    }
    let unreachable: Family<[(&'static str, String); 3], Gauge> = Family::default();
    for entry in health.unreachable(Instant::now()) {
        let (cause, fault) = (entry.failure.cause().as_str(), entry.failure.as_str());
        let labels = [
            ("provider", entry.provider.to_string()),
            ("cause", cause.to_owned()),
            ("fault", fault.to_owned()),
        ];
        unreachable.get_or_create(&labels).set(1);
    }
    registry.register(
        "provider_unreachable",
        "1 where a provider could not be reached when it was last tried, with the cause",
        unreachable,
    );
    registry.register(
        "provider_set_aside",
        "1 where a provider (no model named) or a model at it is not asked, with the reason",
        aside,
    );
    registry.register(
        "provider_breaker_state",
        "0 closed, 1 half-open, 2 open or asked to wait",
        states,
    );
}
