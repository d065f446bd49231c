//! Words for an effort, and which of them a model takes.

/// From the least to the most.
const ALL: [&str; 7] = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// What the name of a model begins with, and the words that it takes. The first line that fits
/// counts.
pub type EffortTable = &'static [(&'static str, &'static [&'static str])];

/// The words for a model of this name; `None` where the table does not know it. A gateway's name
/// for the maker may stand in front.
pub fn efforts_of(table: EffortTable, upstream_name: &str) -> Option<&'static [&'static str]> {
    let name = upstream_name.rsplit('/').next().unwrap_or(upstream_name);
    table.iter().find(|(series, _)| name.starts_with(series)).map(|(_, words)| *words)
}

/// The nearest word that is taken; `None` where `said` itself is, where nobody knows the word, and
/// where nothing is taken. Only who asks for no reasoning gets none.
pub fn nearest(said: &str, taken: &[&'static str]) -> Option<&'static str> {
    if taken.contains(&said) {
        return None;
    }
    let rank = |word: &str| ALL.iter().position(|known| *known == word);
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
