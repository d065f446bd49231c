//! How a call was served, where the way it is served has a price of its own.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceTier {
    Standard,
    Batch,
    Flex,
    Priority,
}

impl ServiceTier {
    pub const ALL: [ServiceTier; 4] =
        [ServiceTier::Standard, ServiceTier::Batch, ServiceTier::Flex, ServiceTier::Priority];

    /// A vendor's word for a tier that was served. `None` for a word that says nothing about the
    /// price.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "standard" | "default" | "on_demand" => Some(ServiceTier::Standard),
            "batch" => Some(ServiceTier::Batch),
            "flex" => Some(ServiceTier::Flex),
            "priority" | "fast" => Some(ServiceTier::Priority),
            _ => None,
        }
    }
}

/// What an answer says about how it was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Served {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<ServiceTier>,
    /// Anthropic's fast mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fast: Option<bool>,
    /// Anthropic's inference in the United States alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub us_only: Option<bool>,
}

impl Served {
    pub const UNSAID: Served = Served { tier: None, fast: None, us_only: None };

    pub fn is_unsaid(&self) -> bool {
        *self == Served::UNSAID
    }

    /// Later values take precedence.
    #[must_use]
    pub fn and_then(self, later: Served) -> Served {
        Served {
            tier: later.tier.or(self.tier),
            fast: later.fast.or(self.fast),
            us_only: later.us_only.or(self.us_only),
        }
    }
}

/// Which tiers a call may be served by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestedTier {
    /// The call names no tier: the settings of the provider decide.
    #[default]
    Unsaid,
    /// `auto`: the vendor's project settings decide.
    Any,
    Standard,
    Flex,
    Priority,
}

/// How a call asks to be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestedService {
    pub tier: RequestedTier,
    pub fast: bool,
    pub us_only: bool,
}

impl RequestedService {
    /// How the call was served where the answer does not say: as it was asked.
    pub fn assumed(&self) -> Served {
        let tier = match self.tier {
            RequestedTier::Unsaid | RequestedTier::Any | RequestedTier::Standard => {
                ServiceTier::Standard
            }
            RequestedTier::Flex => ServiceTier::Flex,
            RequestedTier::Priority => ServiceTier::Priority,
        };
        Served { tier: Some(tier), fast: Some(self.fast), us_only: Some(self.us_only) }
    }

    /// The tiers that may be served. Vendors serve a priority call by the standard tier when they
    /// are short of room.
    pub fn tiers(&self) -> &'static [ServiceTier] {
        match self.tier {
            RequestedTier::Unsaid | RequestedTier::Any => {
                &[ServiceTier::Standard, ServiceTier::Flex, ServiceTier::Priority]
            }
            RequestedTier::Standard => &[ServiceTier::Standard],
            RequestedTier::Flex => &[ServiceTier::Standard, ServiceTier::Flex],
            RequestedTier::Priority => &[ServiceTier::Standard, ServiceTier::Priority],
        }
    }
}
