//! Translations as files that a person can read: `golden/<direction>/<case>.in.*` gives `<case>.out.*`.
//!
//! One direction is one folder, one module and one test. `UPDATE_GOLDEN=1 cargo test -p ainfera-wire --test golden` writes the outputs anew; without it a
//! file that is missing, differs or belongs to no case fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "golden/anthropic_to_chat.rs"]
mod anthropic_to_chat;
#[path = "golden/chat_stream.rs"]
mod chat_stream;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ainfera_schema::{Model, ModelSlug, OnDisconnect, Provider, ProviderId, ProviderKind};

/// Gives every input of a direction to `translate` and compares what comes back. `endings` are those of inputs and outputs, such as `("json", "txt")`.
/// `translate` gets the case's name and its input.
pub fn compare(direction: &str, endings: (&str, &str), translate: impl Fn(&str, &[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(direction);
    let (input_end, output_end) = (format!(".in.{}", endings.0), format!(".out.{}", endings.1));
    let names = |ending: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter_map(|file| file.strip_suffix(ending).map(str::to_owned)).collect()
    };
    let cases = names(&input_end);
    assert!(!cases.is_empty(), "{} has no case", folder.display());
    let mut wrong = Vec::new();
    for case in &cases {
        let file = |ending: &str| -> PathBuf { folder.join(format!("{case}{ending}")) };
        let mut translated = translate(case, &std::fs::read(file(&input_end)).unwrap());
        if !translated.ends_with('\n') {
            translated.push('\n');
        }
        let path = file(&output_end);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, translated).unwrap();
        } else {
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            if expected != translated {
                wrong.push(format!("{}\n{}", path.display(), first_difference(&expected, &translated)));
            }
        }
    }
    let strays: Vec<String> = names(&output_end).difference(&cases).cloned().collect();
    assert!(strays.is_empty(), "outputs without an input: {strays:?}");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 rewrites them\n{}", wrong.join("\n"));
}

fn first_difference(expected: &str, translated: &str) -> String {
    let mut lines = expected.lines().zip(translated.lines()).enumerate();
    match lines.find(|(_, (one, other))| one != other) {
        Some((at, (one, other))) => format!("  line {}\n  expected {one}\n  got      {other}", at + 1),
        None => format!("  expected {} lines, got {}", expected.lines().count(), translated.lines().count()),
    }
}

/// JSON as it stands in the files: two spaces, one member a line.
pub fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// A provider of this kind.
pub fn provider(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("vendor"),
        kind,
        base_url: "https://vendor.example".to_owned(),
        api_key: None,
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
    }
}

/// A model of that provider, as it is called there.
pub fn model(upstream_name: &str) -> Model {
    Model {
        slug: ModelSlug::new("slug"),
        provider: ProviderId::new("vendor"),
        upstream_name: upstream_name.to_owned(),
        maker: "vendor".to_owned(),
        q_prior: None,
        price: None,
        m_allowed: None,
        supports_tools: true,
        context_window: None,
        max_output_tokens: None,
        expected_latency_ms: None,
    }
}
