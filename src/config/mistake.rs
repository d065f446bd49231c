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

/// The offer to append to a message about `word`: empty, or `; did you mean "…"?` when one of `known` is close.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let nearest = known.into_iter().map(|candidate| (edits_between(word, candidate), candidate)).min();
    match nearest {
        Some((edits, candidate)) if edits <= tolerance(candidate) => format!("; did you mean \"{candidate}\"?"),
        _ => String::new(),
    }
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
            let swapped = row > 0 && column > 0 && left_letter == right[column - 1] && left[row - 1] == right_letter;
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
        let mistake = Mistake { line: 12, column: 3, field: "providers[1].base_url".into(), message: "must not end in /v1".into() };
        assert_eq!(mistake.to_string(), "line 12: providers[1].base_url: must not end in /v1");
        let syntax = Mistake { field: String::new(), ..mistake };
        assert_eq!(syntax.to_string(), "line 12: must not end in /v1");
    }

    #[test]
    fn a_swap_a_missing_letter_and_another_case_are_close() {
        for word in ["base_ulr", "baseurl", "Base_URL", "base_urls"] {
            assert_eq!(did_you_mean(word, ["id", "kind", "base_url"]), "; did you mean \"base_url\"?", "{word}");
        }
    }

    #[test]
    fn another_word_is_not_offered() {
        assert_eq!(did_you_mean("timeout", ["id", "kind", "base_url"]), "");
        assert_eq!(did_you_mean("key", ["kind"]), "");
        assert_eq!(did_you_mean("anything", []), "");
    }
}
