//! What breaks a rule, and what is known to break one.

use crate::exceptions::{EXCEPTIONS, Exception};
use crate::sources::Source;

/// One place that breaks a rule.
pub struct Breach {
    pub path: String,
    /// What an exception names: a function, a word, or nothing where the whole file is meant.
    pub item: String,
    shown: String,
}

impl Breach {
    pub fn of(file: &Source, line: usize, item: &str, what: &str) -> Breach {
        let shown = format!("{}:{line}: {what}", file.path);
        Breach { path: file.path.clone(), item: item.to_owned(), shown }
    }

    /// The file as a whole breaks the rule.
    pub fn of_file(path: &str, what: &str) -> Breach {
        let shown = format!("{path}: {what}");
        Breach { path: path.to_owned(), item: String::new(), shown }
    }

    fn is_covered_by(&self, exception: &Exception) -> bool {
        self.path == exception.path && self.item == exception.item
    }
}

/// Fails with every breach that is no known exception, and with every exception of this rule that
/// is no longer needed.
pub fn refuse(rule: &str, breaches: &[Breach]) {
    let known: Vec<&Exception> = EXCEPTIONS.iter().filter(|known| known.rule == rule).collect();
    let is_known = |breach: &&Breach| known.iter().any(|known| breach.is_covered_by(known));
    let new = breaches.iter().filter(|breach| !is_known(breach)).map(|breach| &breach.shown);
    let new: Vec<&str> = new.map(String::as_str).collect();
    assert!(new.is_empty(), "{rule}:\n{}", new.join("\n"));

    let is_used = |known: &Exception| breaches.iter().any(|breach| breach.is_covered_by(known));
    for exception in known {
        assert!(
            is_used(exception),
            "the exception for {} {} of the rule \"{rule}\" is no longer needed: delete its line",
            exception.path,
            exception.item
        );
    }
}

#[test]
fn every_exception_belongs_to_a_rule() {
    for exception in EXCEPTIONS {
        assert!(
            crate::RULES.contains(&exception.rule),
            "no rule is called \"{}\": an exception for it would never be looked at",
            exception.rule
        );
    }
}
