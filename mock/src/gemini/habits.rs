//! What the Gemini API leaves open: models and versions of it differ in this.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Habits {
    pub call_ids: CallIds,
    pub usage: UsagePlace,
}

/// Whether a function call has the optional `id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallIds {
    Omitted,
    Written,
}

/// Which events have `usageMetadata`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsagePlace {
    LastEvent,
    /// The prompt's tokens with every event, and all of it with the last.
    EveryEvent,
}

impl Habits {
    pub const PLAIN: Self = Self { call_ids: CallIds::Omitted, usage: UsagePlace::LastEvent };
}
