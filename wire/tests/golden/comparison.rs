//! The files of one folder of cases: what each input gives is compared with what stands beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Outputs of one case, by the end of their names, such as `to.chat.out.json`.
pub type Outputs = BTreeMap<String, String>;

/// Gives every input of `folder` to `translate`, with the name of its case, and compares outputs.
pub fn compare(folder: &str, translate: impl Fn(&str, &[u8]) -> Outputs) {
    let folder = golden().join(folder);
    let files = names(&folder);
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let (mut expected, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in &files {
        let Some((case, _)) = file.split_once(".in.") else { continue };
        expected.insert(file.clone());
        for (end, mut text) in translate(case, &std::fs::read(folder.join(file)).unwrap()) {
            let name = format!("{case}.{end}");
            let path = folder.join(&name);
            assert!(expected.insert(name), "two inputs give {}", path.display());
            text.truncate(text.trim_end().len());
            text.push('\n');
            let before = std::fs::read_to_string(&path).unwrap_or_default();
            if before != text && is_update {
                std::fs::write(&path, text).unwrap();
            } else if before != text {
                wrong.push(format!("{}\n{}", path.display(), unified_diff(&before, &text)));
            }
        }
    }
    assert!(!expected.is_empty(), "{} has no case", folder.display());
    let strays: Vec<PathBuf> = files.difference(&expected).map(|file| folder.join(file)).collect();
    assert!(strays.is_empty(), "files that no case gives: {strays:#?}");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 rewrites them\n{}", wrong.join("\n"));
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The lines that differ, with three lines around them.
fn unified_diff(before: &str, after: &str) -> String {
    let before: Vec<&str> = before.lines().collect();
    let after: Vec<&str> = after.lines().collect();
    // of the rests that begin at these two lines: how many lines both have
    let mut common = vec![vec![0_u32; after.len() + 1]; before.len() + 1];
    for (i, old) in before.iter().enumerate().rev() {
        for (j, new) in after.iter().enumerate().rev() {
            let longer = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old == new { common[i + 1][j + 1] + 1 } else { longer };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < before.len() || j < after.len() {
        let (old, new) = (before.get(i), after.get(j));
        let is_removed = new.is_none() || (old.is_some() && common[i + 1][j] >= common[i][j + 1]);
        let (sign, text) = match (old, new) {
            (Some(old), Some(new)) if old == new => (' ', old),
            (Some(old), _) if is_removed => ('-', old),
            (_, new) => ('+', new.unwrap()),
        };
        lines.push(format!("{sign}{text}"));
        i += usize::from(sign != '+');
        j += usize::from(sign != '-');
    }
    let is_near = |at: usize| {
        let around = &lines[at.saturating_sub(3)..lines.len().min(at + 4)];
        around.iter().any(|line| !line.starts_with(' '))
    };
    let mut shown = String::new();
    for (at, line) in lines.iter().enumerate().filter(|(at, _)| is_near(*at)) {
        if at == 0 || !is_near(at - 1) {
            shown.push_str(&format!("@@ line {} @@\n", at + 1));
        }
        shown.push_str(line);
        shown.push('\n');
    }
    shown
}

#[test]
fn every_folder_is_of_a_dialect() {
    let clients: BTreeSet<String> = crate::CLIENTS.map(str::to_owned).into();
    let providers: BTreeSet<String> = crate::PROVIDERS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(names(&golden().join("requests")), clients);
    assert_eq!(names(&golden().join("streams")), providers);
}

#[test]
fn a_difference_is_shown_with_three_lines_around_it() {
    let shown = unified_diff("a\nb\nc\nd\ne\nf\ng\nh\ni", "a\nb\nc\nd\ne\nX\ng\nh\ni\nj");
    assert_eq!(shown, "@@ line 3 @@\n c\n d\n e\n-f\n+X\n g\n h\n i\n+j\n");
}
