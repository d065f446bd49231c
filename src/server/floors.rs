//! Quality floors that no configured model clears: every call that asks for one is refused, which
//! an operator should know before the first caller does.

use ainfera_routing::PolicySettings;
use ainfera_schema::Model;
use rust_decimal::Decimal;

use crate::model_status::floors;

/// A floor, and the best quality that there is below it.
#[derive(Debug, PartialEq, Eq)]
pub struct UnclearedFloor {
    pub name: &'static str,
    pub floor: Decimal,
    /// `None`: no model can be routed to at all.
    pub best: Option<Decimal>,
}

/// The named floors, and that of calls which name none, as far as no model that can be routed to
/// clears them.
pub fn uncleared(models: &[Model], settings: &PolicySettings) -> Vec<UnclearedFloor> {
    let routable =
        models.iter().filter(|model| model.m_allowed == Some(true) && model.price.is_some());
    let best = routable.filter_map(|model| model.q_prior).max();
    let short =
        floors(settings).into_iter().filter(|(_, floor)| best.is_none_or(|best| best < *floor));
    short.map(|(name, floor)| UnclearedFloor { name, floor, best }).collect()
}

/// Tells the operator.
pub fn warn(models: &[Model], settings: &PolicySettings) {
    for UnclearedFloor { name, floor, best } in uncleared(models, settings) {
        let best = best.map_or_else(|| "none".to_owned(), |best| best.to_string());
        tracing::warn!(name, %floor, best, "no configured model clears this quality floor: calls that ask for it are refused with 422");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn names(key: &str) -> Vec<&'static str> {
        let models =
            Config::from_environment(&|name| (name == key).then(|| "k".to_owned())).unwrap().models;
        uncleared(&models, &PolicySettings::default()).into_iter().map(|floor| floor.name).collect()
    }

    #[test]
    fn one_vendor_alone_may_leave_a_floor_uncleared() {
        assert_eq!(names("ANTHROPIC_API_KEY"), Vec::<&str>::new());
        assert_eq!(names("DEEPSEEK_API_KEY"), ["frontier"]);
        assert_eq!(names("GROQ_API_KEY"), ["default", "good", "production", "frontier"]);
        let all = uncleared(&[], &PolicySettings::default());
        assert!(all.len() == 4 && all.iter().all(|floor| floor.best.is_none()));
    }
}
