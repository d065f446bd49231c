//! Defaults for a request to a provider whose caller left them out, so that its price has a bound.

use crate::{RequestedTier, ServiceTier};

/// How often a tool that the vendor runs may be used, where neither caller nor operator says.
pub const TOOL_USES_UNLESS_SAID: u32 = 20;

/// Of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsaid {
    pub tier: UnsaidTier,
    /// The limit of each tool that the vendor runs, and of all of them where the dialect limits
    /// them together.
    pub tool_uses: u32,
}

impl Default for Unsaid {
    fn default() -> Self {
        Self { tier: UnsaidTier::default(), tool_uses: TOOL_USES_UNLESS_SAID }
    }
}

/// The tier of a call that names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnsaidTier {
    /// Nothing is written: the settings of the project at the vendor decide.
    #[default]
    Project,
    Written(ServiceTier),
}

impl UnsaidTier {
    /// The vendor's word that is written. `None`: nothing is.
    pub fn word(self) -> Option<&'static str> {
        match self {
            UnsaidTier::Project | UnsaidTier::Written(ServiceTier::Batch) => None,
            UnsaidTier::Written(ServiceTier::Standard) => Some("default"),
            UnsaidTier::Written(ServiceTier::Flex) => Some("flex"),
            UnsaidTier::Written(ServiceTier::Priority) => Some("priority"),
        }
    }

    /// What a call that names no tier asks for.
    pub fn asked(self) -> RequestedTier {
        match self {
            UnsaidTier::Project | UnsaidTier::Written(ServiceTier::Batch) => RequestedTier::Any,
            UnsaidTier::Written(ServiceTier::Standard) => RequestedTier::Standard,
            UnsaidTier::Written(ServiceTier::Flex) => RequestedTier::Flex,
            UnsaidTier::Written(ServiceTier::Priority) => RequestedTier::Priority,
        }
    }
}
