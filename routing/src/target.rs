//! Is the caller's model string a routing name or a pin? Everything that is not a routing name is a
//! pin, typos included: whether the model exists is asked of the catalogue later.

use ainfera_schema::{CallKind, ModelSlug};

/// The one routing name that public surfaces show.
pub const ROUTING_TARGET: &str = "ainfera-inference";

/// Older routing names. They work silently and are never shown.
pub const ROUTING_ALIASES: [&str; 3] = ["ainfera-mithril", "ainfera-auto", "ainfera/auto"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// The router chooses. `alias` is the older name that was used, for the log and the counter;
    /// none for the canonical name.
    Routed { alias: Option<&'static str> },
    /// The caller chose.
    Pinned(ModelSlug),
}

impl RouteTarget {
    pub fn parse(model: &str) -> Self {
        if model == ROUTING_TARGET {
            return RouteTarget::Routed { alias: None };
        }
        match ROUTING_ALIASES.into_iter().find(|alias| *alias == model) {
            Some(alias) => RouteTarget::Routed { alias: Some(alias) },
            None => RouteTarget::Pinned(ModelSlug::new(model)),
        }
    }

    pub fn kind(&self) -> CallKind {
        match self {
            RouteTarget::Routed { .. } => CallKind::Routed,
            RouteTarget::Pinned(_) => CallKind::Direct,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_name_is_routed_without_an_alias() {
        let target = RouteTarget::parse("ainfera-inference");
        assert_eq!(target, RouteTarget::Routed { alias: None });
        assert_eq!(target.kind(), CallKind::Routed);
        assert_eq!(target.kind().router(), ROUTING_TARGET);
    }

    #[test]
    fn every_alias_is_routed_and_says_which_it_was() {
        for alias in ["ainfera-mithril", "ainfera-auto", "ainfera/auto"] {
            let target = RouteTarget::parse(alias);
            assert_eq!(target, RouteTarget::Routed { alias: Some(alias) });
            assert_eq!(target.kind(), CallKind::Routed);
        }
    }

    #[test]
    fn anything_else_is_a_pin_typos_and_other_case_included() {
        for model in [
            "claude-opus-4-7",
            "gpt-5-5",
            "ainfera-inferense",
            "Ainfera-Inference",
            " ainfera-auto",
            "ainfera",
            "",
        ] {
            let target = RouteTarget::parse(model);
            assert_eq!(target, RouteTarget::Pinned(ModelSlug::new(model)));
            assert_eq!(target.kind(), CallKind::Direct);
        }
    }
}
