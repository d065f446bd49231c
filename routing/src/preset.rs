//! Names of policies: the first part of a policy version, and the band of a cell.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    #[default]
    Balanced,
    CostFirst,
    QualityFirst,
    LatencyFirst,
    Strict,
    /// Any name of a policy that is not one of ours.
    Custom,
}

impl Preset {
    pub const ALL: [Preset; 6] = [
        Preset::Balanced,
        Preset::CostFirst,
        Preset::QualityFirst,
        Preset::LatencyFirst,
        Preset::Strict,
        Preset::Custom,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Preset::Balanced => "balanced",
            Preset::CostFirst => "cost_first",
            Preset::QualityFirst => "quality_first",
            Preset::LatencyFirst => "latency_first",
            Preset::Strict => "strict",
            Preset::Custom => "custom",
        }
    }

    /// The last part of a cell, `task:model:band`.
    pub fn band(self) -> &'static str {
        match self {
            Preset::Balanced => "balanced",
            Preset::CostFirst => "cost",
            Preset::QualityFirst => "quality",
            Preset::LatencyFirst => "latency",
            Preset::Strict => "strict",
            Preset::Custom => "weighted",
        }
    }

    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name).unwrap_or(Preset::Custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_unknown_ones_are_custom() {
        for preset in Preset::ALL {
            assert_eq!(Preset::from_name(preset.as_str()), preset);
            assert_eq!(serde_json::to_value(preset).unwrap(), preset.as_str());
        }
        assert_eq!(Preset::from_name("compliance_first"), Preset::Custom);
    }

    #[test]
    fn bands_are_those_of_the_cells() {
        let bands: Vec<_> = Preset::ALL.into_iter().map(Preset::band).collect();
        assert_eq!(bands, ["balanced", "cost", "quality", "latency", "strict", "weighted"]);
    }
}
