//! The rules of the house that a program can check. Each test reads every source file of the
//! repository and names the lines that break one rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod arrows;
mod breach;
mod code;
mod documents;
mod exceptions;
mod functions;
mod sources;
mod vocabulary;

use breach::{Breach, refuse};
use sources::{Source, sources};

const FILE_LENGTH: &str = "a file has one idea, and at most 400 lines before its tests";
const FUNCTION_LENGTH: &str = "a function has at most 70 lines";
const LINE_LENGTH: &str = "a line has at most 100 columns";
const FILE_NAMES: &str = "a file is named after what is in it";
const SQL: &str = "SQL is written in `store` and `schema/migrations` only";
const STATUSES: &str = "statuses of answers are decided in `src/http/error.rs` only";
const ENVIRONMENT: &str = "the environment is read in `src/config/environment.rs` only";
const PURE_CRATES: &str = "`wire`, `routing` and `schema` have no I/O and no runtime";
const ARROWS: &str = "a folder of `wire` uses those below it, and a dialect no other dialect";
const VISIBILITY: &str = "`pub` means that another crate may use it";
const MARKERS: &str = "work that is left is an issue, and a test runs or is deleted";
const PATHS: &str = "a path in a document exists, from the root or beside it";
const VOCABULARY: &str = "names are made of the words of docs/glossary.md";

const RULES: &[&str] = &[
    FILE_LENGTH,
    FUNCTION_LENGTH,
    LINE_LENGTH,
    FILE_NAMES,
    SQL,
    STATUSES,
    ENVIRONMENT,
    PURE_CRATES,
    ARROWS,
    VISIBILITY,
    MARKERS,
    PATHS,
    VOCABULARY,
];

/// Lines of the product, outside of its tests, whose code has one of the words. With
/// `in_strings` the words are looked for in strings as well.
fn lines_with(file: &Source, words: &[&str], in_strings: bool) -> Vec<Breach> {
    let mut found = Vec::new();
    let product = file.lines.iter().zip(file.text.lines()).take(file.lines_of_code());
    for (index, (line, text)) in product.enumerate() {
        let looked_at = if in_strings && line.has_text { text } else { &line.code };
        if words.iter().any(|word| looked_at.contains(word)) {
            found.push(Breach::of(file, index + 1, "", text.trim()));
        }
    }
    found
}

/// The same over all files of the product but those below `except`.
fn product_lines_with(except: &[&str], words: &[&str], in_strings: bool) -> Vec<Breach> {
    let product = sources().iter().filter(|file| !file.is_test() && !file.is_within(except));
    product.flat_map(|file| lines_with(file, words, in_strings)).collect()
}

#[test]
fn no_file_has_more_than_400_lines_before_its_tests() {
    let too_long = |file: &Source| {
        let lines = file.lines_of_code();
        (lines > 400).then(|| Breach::of_file(&file.path, &format!("{lines} lines")))
    };
    let breaches: Vec<Breach> = sources().iter().filter_map(too_long).collect();
    refuse(FILE_LENGTH, &breaches);
}

#[test]
fn no_function_has_more_than_70_lines() {
    let breaches: Vec<Breach> =
        sources().iter().flat_map(functions::longer_than_70_lines).collect();
    refuse(FUNCTION_LENGTH, &breaches);
}

#[test]
fn no_line_is_longer_than_100_columns() {
    let mut breaches = Vec::new();
    for file in sources() {
        for (index, (line, text)) in file.lines.iter().zip(file.text.lines()).enumerate() {
            // Strings and addresses cannot be broken.
            let is_unbreakable = line.has_text || text.contains("https://");
            let columns = text.chars().count();
            if columns > 100 && !is_unbreakable {
                breaches.push(Breach::of(file, index + 1, "", &format!("{columns} columns")));
            }
        }
    }
    refuse(LINE_LENGTH, &breaches);
}

#[test]
fn file_names_say_what_is_in_them() {
    let banned = ["mod", "utils", "util", "helpers", "helper", "common", "misc"];
    let is_banned = |file: &&Source| {
        let name = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".rs"));
        name.is_some_and(|name| banned.contains(&name))
    };
    let named = sources().iter().filter(is_banned);
    let breaches: Vec<Breach> = named.map(|file| Breach::of_file(&file.path, "its name")).collect();
    refuse(FILE_NAMES, &breaches);
}

#[test]
fn sql_is_written_in_the_store_only() {
    let words = ["INSERT INTO ", "SELECT ", "UPDATE ", "DELETE FROM ", "CREATE TABLE "];
    refuse(SQL, &product_lines_with(&["store/"], &words, true));
}

#[test]
fn http_statuses_are_decided_in_one_file() {
    let others = ["actors/", "wire/", "store/", "routing/", "schema/", "mock/", "fidelity/"];
    let except = [&["src/http/error.rs"], &others[..]].concat();
    refuse(STATUSES, &product_lines_with(&except, &["StatusCode::"], false));
}

#[test]
fn the_environment_is_read_in_one_file() {
    let except = ["src/config/environment.rs", "fidelity/"];
    let words = ["env::var(", "env::var_os(", "env::vars("];
    refuse(ENVIRONMENT, &product_lines_with(&except, &words, false));
}

#[test]
fn the_pure_crates_know_no_runtime() {
    let words =
        ["async fn", ".await", "tokio::", "actix", "std::net::", "std::fs::", "std::thread::"];
    let pure = sources().iter().filter(|file| {
        file.is_within(&["wire/src/", "routing/src/", "schema/src/"]) && !file.is_test()
    });
    let breaches: Vec<Breach> = pure.flat_map(|file| lines_with(file, &words, false)).collect();
    refuse(PURE_CRATES, &breaches);
}

#[test]
fn folders_of_wire_use_those_below_them_only() {
    refuse(ARROWS, &arrows::upward());
}

#[test]
fn other_crates_see_eight_names_of_wire() {
    let names = arrows::public_names_of_wire();
    assert_eq!(names.len(), 8, "{names:?}");
}

#[test]
fn every_crate_refuses_public_names_that_no_other_crate_sees() {
    refuse(VISIBILITY, &arrows::roots_that_allow_unreachable_names());
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_switched_off() {
    // The words are put together here, so that this file does not find itself.
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["#[ign", "ore"].concat()];
    let mut breaches = Vec::new();
    for file in sources() {
        for (index, line) in file.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                breaches.push(Breach::of(file, index + 1, "", line.trim()));
            }
        }
    }
    refuse(MARKERS, &breaches);
}

#[test]
fn paths_that_documents_name_exist() {
    refuse(PATHS, &documents::missing_paths());
}

#[test]
fn names_have_no_word_of_a_private_vocabulary() {
    let breaches: Vec<Breach> = sources().iter().flat_map(vocabulary::banned_words).collect();
    refuse(VOCABULARY, &breaches);
}
