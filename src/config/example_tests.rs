//! Each key of the example, spoilt: the mistake is reported with its line and its field.

use super::*;

const EXAMPLE: &str = include_str!("../../ainfera.example.toml");

/// Values of every type; whatever a key takes, most of them are none.
const WRONG: [&str; 6] = ["-1", "1.5", "true", "\"\\u0000 no such thing\"", "[[1]]", "1979-05-27"];

/// A key of the example: the line that it stands on, its path, and where its value is in the line.
struct Key {
    line: usize,
    path: String,
    name: String,
}

fn keys() -> Vec<Key> {
    let mut table = String::new();
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    let mut keys = Vec::new();
    for (at, line) in EXAMPLE.lines().enumerate() {
        if let Some(list) = line.strip_prefix("[[").and_then(|rest| rest.split("]]").next()) {
            let count = counts.entry(list.to_owned()).or_default();
            table = format!("{list}[{count}].");
            *count += 1;
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            table = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push(Key { line: at + 1, path: format!("{table}{name}"), name: name.to_owned() });
        }
    }
    keys
}

/// The example with one line in place of another.
fn with_line(number: usize, line: &str) -> String {
    let lines =
        EXAMPLE.lines().enumerate().map(|(at, old)| if at + 1 == number { line } else { old });
    lines.collect::<Vec<_>>().join("\n")
}

fn mistakes(text: &str) -> Vec<Mistake> {
    Config::from_toml(text, &|_| Some("secret".to_owned())).err().unwrap_or_default()
}

#[test]
fn every_key_of_the_example_refuses_what_it_cannot_be_with_its_line_and_field() {
    assert_eq!(mistakes(EXAMPLE), []);
    let keys = keys();
    assert!(keys.len() > 60, "{}", keys.len());
    for key in &keys {
        let named = WRONG.iter().filter(|wrong| {
            let found = mistakes(&with_line(key.line, &format!("{} = {wrong}", key.name)));
            found
                .iter()
                .any(|mistake| mistake.line == key.line && mistake.field.starts_with(&key.path))
        });
        let named = named.count();
        assert!(
            named >= 3,
            "{} at line {}: only {named} of {WRONG:?} are refused by name",
            key.path,
            key.line
        );
    }
}

#[test]
fn every_key_of_the_example_is_offered_where_it_is_misspelt() {
    for key in keys().iter().filter(|key| key.name.len() > 3) {
        let value = EXAMPLE
            .lines()
            .nth(key.line - 1)
            .and_then(|line| line.split_once(" = "))
            .map(|(_, value)| value)
            .unwrap();
        let mut misspelt = key.name.clone();
        misspelt.pop();
        misspelt.push('q');
        let path = format!("{}{misspelt}", &key.path[..key.path.len() - key.name.len()]);
        let found = mistakes(&with_line(key.line, &format!("{misspelt} = {value}")));
        let said = found.iter().find(|mistake| mistake.line == key.line && mistake.field == path);
        let said = said.unwrap_or_else(|| panic!("{path}: {found:?}"));
        assert!(said.message.contains("did you mean"), "{said}");
    }
}
