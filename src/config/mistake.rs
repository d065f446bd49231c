//! What is wrong with a configuration file, and where.

use std::fmt;

/// One thing to correct. Its text form is one line: `line 12: providers[1].base_url: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// Such as `providers[1].base_url`; empty where the mistake is no field's.
    pub field: String,
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// The offer to append to a message about `word`: empty, or `; did you mean "…"?` when one of
/// `known` is close.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    near_matches(word, known)
        .first()
        .map_or_else(String::new, |candidate| format!("; did you mean \"{candidate}\"?"))
}

/// The known names that may have been meant, the nearest first: those that are a few letters off,
/// and those that contain the word or are part of it.
pub fn near_matches<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    const SHORTEST_PART: usize = 3;
    const MOST: usize = 3;
    let is_part = |part: &str, whole: &str| {
        part.len() >= SHORTEST_PART && whole.to_lowercase().contains(&part.to_lowercase())
    };
    let near = known.into_iter().filter_map(|candidate| {
        let edits = edits_between(word, candidate);
        let is_near =
            edits <= tolerance(candidate) || is_part(word, candidate) || is_part(candidate, word);
        is_near.then_some((edits, candidate))
    });
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.into_iter().take(MOST).map(|(_, candidate)| candidate).collect()
}

/// A third of the word may be wrong: `ulr` is near `url`, `key` is not near `kind`.
fn tolerance(candidate: &str) -> usize {
    (candidate.chars().count() / 3).clamp(1, 3)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
fn edits_between(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, &left_letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &right_letter) in right.iter().enumerate() {
            let substitution = previous[column] + usize::from(left_letter != right_letter);
            let mut edits = substitution.min(previous[column + 1] + 1).min(current[column] + 1);
            let swapped = row > 0
                && column > 0
                && left_letter == right[column - 1]
                && left[row - 1] == right_letter;
            if swapped {
                edits = edits.min(before_previous[column - 1] + 1);
            }
            current.push(edits);
        }
        before_previous = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_names_line_and_field() {
        let mistake = Mistake {
            line: 12,
            column: 3,
            field: "providers[1].base_url".into(),
            message: "must not end in /v1".into(),
        };
        assert_eq!(mistake.to_string(), "line 12: providers[1].base_url: must not end in /v1");
        let syntax = Mistake { field: String::new(), ..mistake };
        assert_eq!(syntax.to_string(), "line 12: must not end in /v1");
    }

    #[test]
    fn a_swap_a_missing_letter_and_another_case_are_close() {
        for word in ["url", "base", "base_ulr", "baseurl", "Base_URL", "base_urls"] {
            assert_eq!(
                did_you_mean(word, ["id", "kind", "base_url"]),
                "; did you mean \"base_url\"?",
                "{word}"
            );
        }
    }

    #[test]
    fn several_names_may_have_been_meant() {
        let known = ["acme", "acme-europe", "globex", "acne", "default", "acmes"];
        assert_eq!(near_matches("acmee", known), ["acme", "acmes"]);
        assert_eq!(near_matches("acm", known), ["acme", "acmes", "acme-europe"]);
        assert_eq!(near_matches("acme-eu", known), ["acme", "acme-europe"]);
        assert_eq!(near_matches("GLOBEX", known), ["globex"]);
        assert_eq!(near_matches("initech", known), Vec::<&str>::new());
    }

    #[test]
    fn another_word_is_not_offered() {
        assert_eq!(did_you_mean("timeout", ["id", "kind", "base_url"]), "");
        assert_eq!(did_you_mean("key", ["kind"]), "");
        assert_eq!(did_you_mean("anything", []), "");
    }
}
