//! Who is turned away first when the gateway fills up. Pure.

/// How much a caller says its call matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// Somebody waits, and it matters.
    Critical,
    #[default]
    Default,
    /// Nobody waits.
    Batch,
}

impl Priority {
    /// A word that nobody knows is no reason to refuse a call.
    pub fn parse(word: Option<&str>) -> Self {
        match word {
            Some("critical") => Priority::Critical,
            Some("batch") => Priority::Batch,
            Some(_) | None => Priority::Default,
        }
    }

    /// How many calls of all classes may be in flight for one more of this class to come in. Never
    /// none, however small the gate.
    pub fn share_of(self, size: u32) -> u32 {
        let percent = match self {
            Priority::Critical => 100,
            Priority::Default => 85,
            Priority::Batch => 70,
        };
        u32::try_from(u64::from(size) * percent / 100).unwrap_or(size).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_it_matters_the_sooner_it_is_refused() {
        let shares = [Priority::Batch, Priority::Default, Priority::Critical]
            .map(|priority| priority.share_of(10_000));
        assert_eq!(shares, [7_000, 8_500, 10_000]);
        assert_eq!(Priority::Batch.share_of(1), 1);
        assert_eq!(Priority::Critical.share_of(u32::MAX), u32::MAX);
    }

    #[test]
    fn words() {
        assert_eq!(Priority::parse(Some("batch")), Priority::Batch);
        assert_eq!(Priority::parse(Some("critical")), Priority::Critical);
        for word in [None, Some(""), Some("urgent")] {
            assert_eq!(Priority::parse(word), Priority::Default);
        }
    }
}
