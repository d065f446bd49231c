//! Which providers the gateway keeps away from, for `/metrics`.

use std::time::Instant;

use ainfera_actors::health::Health;
use ainfera_actors::health::breaker::Standing;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Without breakers there is nothing to show.
pub fn register(health: &Health, registry: &mut Registry) {
    let states: Family<[(&'static str, String); 2], Gauge> = Family::default();
    for (provider, model, standing) in health.standings(Instant::now()) {
        let state = match standing {
            Standing::Closed => 0,
            Standing::HalfOpen => 1,
            Standing::Open => 2,
        };
        states.get_or_create(&[("provider", provider.to_string()), ("model", model.to_string())]).set(state);
    }
    registry.register("provider_breaker_state", "0 closed, 1 half-open, 2 open or asked to wait", states);
}
