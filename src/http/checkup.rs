//! What `/metrics` says of the invariants: what the doctor found the last time. Nothing is asked
//! for a scrape.

use ainfera_actors::doctor::Checkup;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

/// Nothing before the first look, and nothing where there is none: a gauge that is not there is not
/// a promise that holds.
pub fn register(checkup: &Checkup, registry: &mut Registry) {
    let Some(checked_at) = checkup.checked_at else { return };
    let holds: Family<[(&'static str, &'static str); 1], Gauge> = Family::default();
    for invariant in &checkup.invariants {
        holds.get_or_create(&[("name", invariant.name)]).set(i64::from(invariant.holds));
    }
    registry.register("invariant_holds", "1 while no row breaks it; must not be 0", holds);
    let seconds = ConstGauge::new(checked_at.as_second());
    registry.register(
        "invariants_checked_timestamp_seconds",
        "when the invariants were last checked",
        seconds,
    );
}

#[cfg(test)]
mod tests {
    use ainfera_store::Invariant;
    use ainfera_store::invariants::InvariantClass;
    use jiff::Timestamp;
    use prometheus_client::encoding::text::encode;

    use super::*;

    fn shown(checkup: &Checkup) -> String {
        let mut registry = Registry::with_prefix("ainfera");
        register(checkup, &mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn each_invariant_is_a_gauge_with_its_name() {
        let invariant = |name, broken: i64| Invariant {
            name,
            class: InvariantClass::Other,
            holds: broken == 0,
            broken,
            detail: String::new(),
        };
        let invariants = vec![invariant("one", 0), invariant("two", 3)];
        let text = shown(&Checkup {
            checked_at: Some(Timestamp::from_second(1_700_000_000).unwrap()),
            invariants,
        });
        assert!(text.contains("ainfera_invariant_holds{name=\"one\"} 1\n"), "{text}");
        assert!(text.contains("ainfera_invariant_holds{name=\"two\"} 0\n"), "{text}");
        assert!(
            text.contains("ainfera_invariants_checked_timestamp_seconds 1700000000\n"),
            "{text}"
        );
    }

    #[test]
    fn what_was_not_checked_is_not_said_to_hold() {
        assert!(!shown(&Checkup::default()).contains("invariant"));
    }
}
