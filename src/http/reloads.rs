//! What `/metrics` says of reloads of the configuration.

use std::sync::atomic::Ordering;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::server::reload::ReloadFigures;

pub fn register(figures: &ReloadFigures, registry: &mut Registry) {
    let reloads: Family<[(&'static str, &'static str); 1], Counter> = Family::default();
    for (result, count) in [("success", &figures.succeeded), ("failure", &figures.failed)] {
        reloads.get_or_create(&[("result", result)]).inc_by(count.load(Ordering::Relaxed));
    }
    registry.register("config_reload", "readings of the configuration after the start", reloads);
    registry.register(
        "config_reload_last_success_timestamp_seconds",
        "when the configuration that is in force was read",
        ConstGauge::new(figures.last_success_s.load(Ordering::Relaxed)),
    );
}
