//! `ainfera_unforeseen_refusals_total`: what providers refused and the model table did not foresee.

use ainfera_actors::unforeseen::UnforeseenRefusals;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    provider: String,
    model: String,
    about: String,
}

pub(super) fn register(refusals: &UnforeseenRefusals, registry: &mut Registry) {
    let family = Family::<Labels, Counter>::default();
    for (key, count) in refusals.counts() {
        let labels = Labels {
            provider: key.provider.to_string(),
            model: key.model.to_string(),
            about: key.about.to_owned(),
        };
        family.get_or_create(&labels).inc_by(count);
    }
    registry.register(
        "unforeseen_refusals",
        "refusals of what a model cannot do that the model table did not foresee; each is an entry that is missing",
        family,
    );
}
