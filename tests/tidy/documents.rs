//! Paths that the documents name between backticks or as links.

use std::fs;
use std::path::Path;

use crate::breach::Breach;
use crate::sources::{Source, files_ending, root};

const ENDINGS: &[&str] = &[".rs", ".md", ".toml", ".sql", ".py", ".sh", ".service", ".yml"];

pub fn missing_paths() -> Vec<Breach> {
    let mut missing = Vec::new();
    for document in files_ending(".md") {
        let from_root = document.strip_prefix(root()).unwrap_or(&document).to_string_lossy();
        let source = Source::new(&from_root, &fs::read_to_string(&document).unwrap());
        let beside = document.parent().unwrap_or(Path::new("")).to_owned();
        for (index, line) in source.text.lines().enumerate() {
            for path in named_paths(line) {
                if !root().join(path).exists() && !beside.join(path).exists() {
                    missing.push(Breach::of(&source, index + 1, path, path));
                }
            }
        }
    }
    missing
}

/// What looks like the path of a file of ours: it has a folder and one of our endings, and no
/// placeholder.
fn named_paths(line: &str) -> Vec<&str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let linked = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let paths = quoted.chain(linked).filter_map(|text| text.split('#').next());
    let is_ours = |path: &&str| {
        let has_ending = ENDINGS.iter().any(|ending| path.ends_with(ending));
        let has_placeholder = path.contains([' ', '<', '*', '{', '$', '~', ':']);
        has_ending && !has_placeholder && !path.starts_with('/') && path.contains('/')
    };
    paths.filter(is_ours).collect()
}

#[test]
fn paths_are_taken_from_backticks_and_links() {
    let line = "`wire/src/lib.rs`, [the page](docs/api.md#calls), `a b/c.rs`, `<vendor>/x.rs`";
    assert_eq!(named_paths(line), ["wire/src/lib.rs", "docs/api.md"]);
}
