//! What `/metrics` says of records that wait in quarantine.

use std::time::Duration;

use ainfera_actors::reader::ask;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::state::Shared;

/// A scrape does not wait for a store that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Nothing while the store does not say it.
pub async fn register(shared: &Shared, registry: &mut Registry) {
    let asked =
        ask(&shared.reader, |store| Box::pin(async move { store.waiting_in_quarantine().await }));
    if let Ok(Ok(waiting)) = tokio::time::timeout(PATIENCE, asked).await {
        let help = "records that the store refused for good and that wait for an operator";
        registry.register("quarantined", help, ConstGauge::new(waiting));
    }
}
