//! Words that no name of the code may have. docs/glossary.md says which word is used instead.

use crate::breach::Breach;
use crate::code::words;
use crate::sources::Source;

/// The word, and what is written instead.
const BANNED: &[(&str, &str)] = &[
    ("helper", "a name that says what it does"),
    ("helpers", "a name that says what it does"),
    ("purse", "`account` or `balance`"),
    ("dress", "`rendering`"),
    ("manner", "`style`"),
    ("saying", "`translation`"),
    ("passage", "`passthrough`"),
    ("mending", "`repair`"),
    ("ripe", "`overdue`"),
    ("gather", "`linger`"),
    ("stuff", "a name that says what it is"),
    ("thing", "a name that says what it is"),
    ("things", "a name that says what it is"),
    ("nobody", "what is missing: no candidate, no client"),
    ("somebody", "who it is: a client, an operator"),
    ("whoever", "who it is: a client, an operator"),
];

/// The first banned word of each line of code.
pub fn banned_words(file: &Source) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (index, line) in file.lines.iter().enumerate() {
        for word in words(&line.code) {
            if let Some((banned, instead)) = BANNED.iter().find(|(banned, _)| *banned == word) {
                let what = format!("`{banned}` in a name; write {instead}");
                breaches.push(Breach::of(file, index + 1, banned, &what));
            }
        }
    }
    breaches
}

#[test]
fn a_banned_word_is_found_in_names_and_not_in_text() {
    let file =
        Source::new("a.rs", "fn tell_nobody() {\n    // nobody\n    print(\"nobody\");\n}\n");
    let found = banned_words(&file);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].item, "nobody");
}
