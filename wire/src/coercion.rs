//! What became of a request field that the provider does not take as it is. Nothing is lost silently: each is named to the caller.
//!
//! The text of one: `field=dropped:reason`, `field=renamed:name`, `field=clamped:value` or `field=moved:place`.

use std::fmt;

use crate::origin::Origins;

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
    pub fn traced(self, origins: &Origins) -> Self {
        Self(self.0.into_iter().filter_map(|coercion| origins.traced(coercion)).collect())
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
