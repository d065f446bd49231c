//! What became of a request field that the provider does not take as it is. Nothing is lost
//! silently: each is named to the caller.
//!
//! The text of one: `field=dropped:reason`, `field=renamed:name`, `field=clamped:value`,
//! `field=moved:place` or `field=added:value`.

use std::fmt;

use crate::disclosure::source_map::SourceMap;

/// One field that did not arrive upstream as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coercion {
    /// Path of the field in the caller's body, such as `messages.0.content.1.cache_control`.
    pub field: String,
    pub change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Dropped(Reason),
    /// It arrived under this name.
    Renamed(String),
    /// It arrived with this value.
    Clamped(String),
    /// It arrived as something else: what.
    Moved(&'static str),
    /// It was not said, and arrived with this value.
    Added(String),
}

/// Why a field was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// We do not know this member, so it cannot be translated.
    Unknown,
    /// The provider's dialect has no place for it.
    NoEquivalent,
    /// The dialect has it, but this vendor refuses it.
    Vendor,
    /// This model refuses it, as reasoning models do sampling parameters.
    Model,
    /// Another vendor made it, and only that one can read it.
    Issuer,
    /// It says nothing.
    Empty,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Unknown => "unknown",
            Reason::NoEquivalent => "no_equivalent",
            Reason::Vendor => "vendor_refuses",
            Reason::Model => "model_refuses",
            Reason::Issuer => "other_issuer",
            Reason::Empty => "empty",
        }
    }
}

impl fmt::Display for Coercion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            Change::Dropped(reason) => write!(f, "{}=dropped:{}", self.field, reason.as_str()),
            Change::Renamed(name) => write!(f, "{}=renamed:{name}", self.field),
            Change::Clamped(value) => write!(f, "{}=clamped:{value}", self.field),
            Change::Moved(place) => write!(f, "{}=moved:{place}", self.field),
            Change::Added(value) => write!(f, "{}=added:{value}", self.field),
        }
    }
}

/// What a caller lets become of its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Strictness {
    /// Anything, as long as it is named.
    #[default]
    Disclose,
    /// Other names, but no loss.
    Lossless,
    /// Nothing.
    Exact,
}

impl Strictness {
    /// Is this more than the caller allows?
    pub fn refuses(self, coercion: &Coercion) -> bool {
        match (self, &coercion.change) {
            (Strictness::Disclose, _) => false,
            // what says nothing is no loss
            (_, Change::Dropped(Reason::Empty)) => false,
            (Strictness::Lossless, Change::Renamed(_) | Change::Added(_)) => false,
            (Strictness::Lossless | Strictness::Exact, _) => true,
        }
    }
}

/// Collects coercions; the same field is named once however often it occurs in an array.
#[derive(Debug, Clone, Default)]
pub struct Coercions(Vec<Coercion>);

impl Coercions {
    pub fn add(&mut self, field: impl Into<String>, change: Change) {
        let coercion = Coercion { field: field.into(), change };
        if !self.0.contains(&coercion) {
            self.0.push(coercion);
        }
    }

    /// Those of a call that was said in Anthropic's form first, under the caller's own names.
    pub fn to_source_paths(self, source_map: &SourceMap) -> Self {
        Self(self.0.into_iter().flat_map(|coercion| source_map.to_source_paths(coercion)).collect())
    }

    pub fn extend(&mut self, others: &Coercions) {
        for coercion in &others.0 {
            self.add(coercion.field.clone(), coercion.change.clone());
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Coercion> {
        self.0.iter()
    }

    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(Coercion::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coercion(change: Change) -> Coercion {
        Coercion { field: "a.0.b".to_owned(), change }
    }

    #[test]
    fn each_change_has_its_text() {
        let text = |change| coercion(change).to_string();
        assert_eq!(text(Change::Dropped(Reason::NoEquivalent)), "a.0.b=dropped:no_equivalent");
        assert_eq!(text(Change::Renamed("c".to_owned())), "a.0.b=renamed:c");
        assert_eq!(text(Change::Clamped("7".to_owned())), "a.0.b=clamped:7");
        assert_eq!(text(Change::Moved("text")), "a.0.b=moved:text");
        assert_eq!(text(Change::Added("20".to_owned())), "a.0.b=added:20");
    }

    #[test]
    fn strict_refuses_loss_and_exact_refuses_everything() {
        let refused_by = |change: Change| {
            let coercion = coercion(change);
            [Strictness::Disclose, Strictness::Lossless, Strictness::Exact]
                .map(|strictness| strictness.refuses(&coercion))
        };
        assert_eq!(refused_by(Change::Dropped(Reason::Vendor)), [false, true, true]);
        assert_eq!(refused_by(Change::Clamped("7".to_owned())), [false, true, true]);
        assert_eq!(refused_by(Change::Moved("text")), [false, true, true]);
        assert_eq!(refused_by(Change::Renamed("c".to_owned())), [false, false, true]);
        assert_eq!(refused_by(Change::Added("20".to_owned())), [false, false, true]);
        assert_eq!(refused_by(Change::Dropped(Reason::Empty)), [false, false, false]);
    }
}
