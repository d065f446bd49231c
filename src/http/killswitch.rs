//! What `/metrics` says of the spending kill-switch.

use std::time::Duration;

use ainfera_actors::reader::ask;
use ainfera_schema::Usd;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rust_decimal::prelude::ToPrimitive;

use super::state::Shared;

/// A scrape does not wait for a store that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nothing without a kill-switch; nothing of the spending while the store does not say it.
pub async fn register(shared: &Shared, registry: &mut Registry) {
    let Some(threshold) = shared.parts().killswitch_daily_usd else {
        return;
    };
    registry.register(
        "cost_killswitch_threshold_usd",
        "what all may spend in a utc day",
        gauge(threshold),
    );
    let asked = ask(&shared.reader, |store| Box::pin(async move { store.spent_today().await }));
    if let Ok(Ok(spent)) = tokio::time::timeout(PATIENCE, asked).await {
        registry.register(
            "cost_killswitch_spent_usd",
            "spent in the utc day and held by open calls",
            gauge(spent),
        );
        let engaged = i64::from(spent >= threshold);
        registry.register(
            "cost_killswitch_engaged",
            "1 when no call that costs anything is let in",
            ConstGauge::new(engaged),
        );
    }
}

/// Prometheus knows floats only: for a graph, never for a decision.
fn gauge(amount: Usd) -> ConstGauge<f64> {
    ConstGauge::new(amount.to_decimal().to_f64().unwrap_or(f64::NAN))
}
