//! Words for an effort, and which of them a model takes.

/// From the least to the most.
const ALL: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The place of a word among all; a word that nobody knows has none.
pub(crate) fn rank(word: &str) -> Option<usize> {
    ALL.iter().position(|known| *known == word)
}

/// The nearest word that is taken; `None` where `said` itself is, where nobody knows the word, and
/// where nothing is taken. Only who asks for no reasoning gets none.
pub(crate) fn nearest(said: &str, taken: &[&'static str]) -> Option<&'static str> {
    if taken.contains(&said) {
        return None;
    }
    let wanted = rank(said)?;
    let reasons = taken.iter().copied().filter(|word| *word != "none");
    reasons
        .min_by_key(|word| rank(word).unwrap_or_default().abs_diff(wanted))
        .or_else(|| taken.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        for (said, taken, expected) in [
            ("high", &["low", "high"][..], None),
            ("max", &["none", "low", "medium", "high", "xhigh"], Some("xhigh")),
            ("minimal", &["none", "low", "medium"], Some("low")),
            ("none", &["minimal", "low"], Some("minimal")),
            ("xhigh", &["low", "medium", "high", "max"], Some("high")),
            ("low", &["none"], Some("none")),
            ("their-own", &["low"], None),
            ("low", &[], None),
        ] {
            assert_eq!(nearest(said, taken), expected, "{said} {taken:?}");
        }
    }
}
