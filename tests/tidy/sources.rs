//! The Rust files of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::code::{self, Line};

/// One file: its path from the root of the repository, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
    /// The same lines, with code apart from text and comments.
    pub lines: Vec<Line>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned(), lines: code::lines(text) }
    }

    /// Whether the whole file is a test, or stands beside the product (examples, benches).
    pub fn is_test(&self) -> bool {
        let folders =
            ["tests/", "/tests/", "/tests.rs", "_tests.rs", "examples/", "benches/", "fuzz/"];
        folders.iter().any(|folder| self.path.starts_with(folder) || self.path.contains(folder))
    }

    pub fn is_within(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    /// The number of lines above the tests that stand below the code.
    pub fn lines_of_code(&self) -> usize {
        let tests_begin = self.text.lines().position(|line| line.starts_with("mod tests {"));
        tests_begin.unwrap_or(self.lines.len())
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository that ends so, without what was built or installed.
pub fn files_ending(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_hidden = name.starts_with('.') || name == "node_modules";
            let is_ours = !is_hidden && !is_built(&path, &name);
            if path.is_dir() && !path.is_symlink() && is_ours {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Cargo marks the folders that it builds into.
fn is_built(path: &Path, name: &str) -> bool {
    name == "target" || path.join("CACHEDIR.TAG").exists()
}

/// All of them, read once for all tests.
pub fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(read_sources)
}

fn read_sources() -> Vec<Source> {
    let files = files_ending(".rs");
    assert!(files.len() > 200, "only {} files were found", files.len());
    let read = |path: &PathBuf| {
        let from_root = path.strip_prefix(root()).unwrap().to_string_lossy();
        Source::new(&from_root, &fs::read_to_string(path).unwrap())
    };
    files.iter().map(read).collect()
}
