//! What each Claude model refuses, known by its name. Source: the model pages and migration guides
//! of platform.claude.com, November 2026.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Opus,
    Sonnet,
    Haiku,
    /// Fable and Mythos, which came with the fifth generation.
    Other,
}

/// A model by its family and version, such as Opus 4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claude {
    family: Family,
    version: (u32, u32),
}

/// Which members that steer sampling a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    All,
    /// `temperature` or `top_p`, not both.
    OneOfTwo,
    Refused,
}

/// What a model can be told about thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoThinking {
    Disabled,
    /// It may still think between calls of tools.
    BetweenTools,
    /// Thinking cannot be turned off: the lowest effort is the nearest.
    LowestEffort,
}

/// In which form a model is asked to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingForm {
    /// With a budget of tokens only.
    Budget,
    Either,
    /// As it sees fit, steered by the effort; a budget is refused.
    Adaptive,
}

/// What a model makes of an effort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffortRule {
    Refused,
    /// It counts, and thinking is asked for apart from it.
    Alone,
    /// It steers adaptive thinking, which has to be asked for.
    WithAdaptiveThinking,
}

impl Claude {
    /// `None` for a name that tells no model of the Claude family. Cloud names such as
    /// `anthropic.claude-opus-4-7-v1:0` tell one.
    pub fn named(upstream_name: &str) -> Option<Self> {
        let name = upstream_name.to_ascii_lowercase();
        let (_, rest) = name.split_once("claude-")?;
        let words = || rest.split(['-', '.', '@', ':']);
        let family = words().find_map(|word| match word {
            "opus" => Some(Family::Opus),
            "sonnet" => Some(Family::Sonnet),
            "haiku" => Some(Family::Haiku),
            "fable" | "mythos" => Some(Family::Other),
            _ => None,
        })?;
        // what has more digits is a date
        let mut numbers =
            words().filter(|word| word.len() <= 2).filter_map(|word| word.parse().ok());
        Some(Self { family, version: (numbers.next()?, numbers.next().unwrap_or_default()) })
    }

    pub fn sampling(self) -> Sampling {
        match self.family {
            _ if self.version >= (5, 0) => Sampling::Refused,
            Family::Opus if self.version >= (4, 7) => Sampling::Refused,
            Family::Opus if self.version >= (4, 1) => Sampling::OneOfTwo,
            _ if self.version >= (4, 5) => Sampling::OneOfTwo,
            _ => Sampling::All,
        }
    }

    pub fn effort(self) -> EffortRule {
        match self.family {
            Family::Haiku if self.version < (5, 0) => EffortRule::Refused,
            _ if self.version >= (4, 6) => EffortRule::WithAdaptiveThinking,
            Family::Opus if self.version >= (4, 5) => EffortRule::Alone,
            _ => EffortRule::Refused,
        }
    }

    pub fn thinking_form(self) -> ThinkingForm {
        match self.version {
            version if version < (4, 6) => ThinkingForm::Budget,
            (4, 6) => ThinkingForm::Either,
            _ => ThinkingForm::Adaptive,
        }
    }

    /// The words for an effort that a model takes, from the least to the most.
    pub fn efforts(self) -> &'static [&'static str] {
        match self.version {
            version if version < (4, 6) => &["low", "medium", "high"],
            (4, 6) => &["low", "medium", "high", "max"],
            _ => &["low", "medium", "high", "xhigh", "max"],
        }
    }

    pub fn no_thinking(self) -> NoThinking {
        match self.family {
            Family::Opus if self.version >= (5, 5) => NoThinking::LowestEffort,
            Family::Other if self.version >= (5, 1) => NoThinking::LowestEffort,
            Family::Sonnet if self.version >= (5, 5) => NoThinking::BetweenTools,
            _ => NoThinking::Disabled,
        }
    }

    /// A model that always thinks cannot be made to call a tool.
    pub fn takes_forced_tools(self) -> bool {
        self.no_thinking() != NoThinking::LowestEffort
    }

    /// Whether it takes instructions between the turns. Opus 4.8 was the first; of the others it is
    /// not verified. Sources: platform.claude.com, mid-conversation system messages, and
    /// LeenHawk/gproxy#209 for Opus 5, read on 2026-11-30.
    pub fn takes_instructions_midway(self) -> bool {
        self.family == Family::Opus && self.version >= (4, 8)
    }

    /// Whether an answer may be begun for it by an assistant message at the end.
    pub fn takes_prefill(self) -> bool {
        self.version < (4, 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_the_model_refuses() {
        use {EffortRule::*, NoThinking::*, Sampling::*};
        for (name, sampling, effort, no_thinking, prefill) in [
            ("claude-3-5-sonnet-20241022", All, EffortRule::Refused, Disabled, true),
            ("claude-sonnet-4-20250514", All, EffortRule::Refused, Disabled, true),
            ("claude-haiku-4-5-20251001", OneOfTwo, EffortRule::Refused, Disabled, true),
            ("claude-opus-4-5@20251101", OneOfTwo, Alone, Disabled, true),
            ("claude-sonnet-4-6", OneOfTwo, WithAdaptiveThinking, Disabled, false),
            (
                "us.anthropic.claude-opus-4-7-v1:0",
                Sampling::Refused,
                WithAdaptiveThinking,
                Disabled,
                false,
            ),
            ("claude-sonnet-5", Sampling::Refused, WithAdaptiveThinking, Disabled, false),
            ("claude-sonnet-5-5", Sampling::Refused, WithAdaptiveThinking, BetweenTools, false),
            (
                "anthropic/claude-opus-5.5",
                Sampling::Refused,
                WithAdaptiveThinking,
                LowestEffort,
                false,
            ),
            ("claude-fable-5-1", Sampling::Refused, WithAdaptiveThinking, LowestEffort, false),
        ] {
            let claude = Claude::named(name).unwrap();
            assert_eq!(
                (claude.sampling(), claude.effort(), claude.no_thinking()),
                (sampling, effort, no_thinking),
                "{name}"
            );
            assert_eq!(claude.takes_prefill(), prefill, "{name}");
        }
        assert_eq!(Claude::named("gpt-5.5"), None);
        assert_eq!(Claude::named("claude-next"), None);
    }
}
