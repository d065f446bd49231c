//! Which folder of `wire` uses which. A module uses those that stand before it in the list, so no
//! arrow runs upwards and no circle crosses folders.

use crate::breach::Breach;
use crate::sources::{Source, sources};

/// From the bottom to the top. What is not in the list cannot be used at all.
const FLOORS: &[&str] = &[
    "attachment",
    "dialect",
    "effort",
    "oddity",
    "event",
    "error",
    "codec",
    "disclosure",
    "signature",
    "thought_signatures",
    "request",
    "extra_costs",
    "tool_names",
    "tool_schema",
    "client",
    "conversation",
    "model_table",
    "gemini_thinking",
    "passthrough",
    "provider",
];

/// The folders of one dialect each. What two of them need stands beside them.
const DIALECTS: &[&str] = &[
    "client/chat",
    "client/messages",
    "client/responses",
    "provider/anthropic",
    "provider/chat",
    "provider/gemini",
    "provider/responses",
];

/// Every line of `wire` that uses a module above its own, or the folder of another dialect.
pub fn upward() -> Vec<Breach> {
    let wire = sources().iter().filter(is_product_of_wire);
    wire.flat_map(|file| used(file).filter_map(|(line, path)| breach(file, line, &path))).collect()
}

fn is_product_of_wire(file: &&Source) -> bool {
    file.is_within(&["wire/src/"]) && !file.is_test() && file.path != "wire/src/lib.rs"
}

/// The paths after `crate::`, with their lines.
fn used(file: &Source) -> impl Iterator<Item = (usize, String)> + '_ {
    let code = file.lines.iter().enumerate().take(file.lines_of_code());
    code.flat_map(|(index, line)| {
        let paths = line.code.split("crate::").skip(1);
        paths.map(move |path| {
            let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
            (index + 1, path.chars().take_while(|letter| is_path(*letter)).collect())
        })
    })
}

fn breach(file: &Source, line: usize, path: &str) -> Option<Breach> {
    let own = file.path.strip_prefix("wire/src/")?.trim_end_matches(".rs");
    let used = path.replace("::", "/");
    let floor = |path: &str| {
        let module = path.split('/').next().unwrap_or_default();
        FLOORS.iter().position(|floor| *floor == module)
    };
    let dialect = |path: &str| DIALECTS.iter().find(|dialect| path.starts_with(*dialect));
    let is_upward = match (floor(own), floor(&used)) {
        (Some(own), Some(used)) => used > own,
        _ => true,
    };
    let is_sideways = match (dialect(own), dialect(&used)) {
        (Some(own), Some(used)) => own.split('/').next() == used.split('/').next() && own != used,
        _ => false,
    };
    let shown = format!("`{own}` uses `{used}`");
    (is_upward || is_sideways).then(|| Breach::of(file, line, "", &shown))
}

/// What other crates see of `wire`: the public lines of its root.
pub fn public_names_of_wire() -> Vec<&'static str> {
    let root = sources().iter().find(|file| file.path == "wire/src/lib.rs");
    let lines = root.into_iter().flat_map(|root| root.lines.iter());
    lines.map(|line| line.code.trim()).filter(|line| line.starts_with("pub ")).collect()
}

/// The crates whose root does not refuse `pub` where no other crate can see it.
pub fn roots_that_allow_unreachable_names() -> Vec<Breach> {
    let is_root = |file: &&Source| file.path.ends_with("src/lib.rs") && !file.is_test();
    let allows =
        |file: &&Source| !file.lines.iter().any(|line| line.code.contains("deny(unreachable_pub)"));
    let roots = sources().iter().filter(is_root).filter(allows);
    roots.map(|file| Breach::of_file(&file.path, "allows `pub` for names of its own")).collect()
}
