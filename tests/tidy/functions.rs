//! How long each function is. The files are as rustfmt writes them, so a function ends at the
//! first closing brace that stands as far in as its `fn`.

use crate::breach::Breach;
use crate::sources::Source;

const LONGEST: usize = 70;

pub fn longer_than_70_lines(file: &Source) -> Vec<Breach> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut breaches = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_that_begins(line) else { continue };
        let length = length(&lines[start..]);
        if length > LONGEST {
            breaches.push(Breach::of(file, start + 1, name, &format!("{name} has {length} lines")));
        }
    }
    breaches
}

/// The number of lines up to the closing brace. A function of a trait that has no body ends with
/// its signature.
fn length(lines: &[&str]) -> usize {
    let indent = &lines[0][..lines[0].len() - lines[0].trim_start().len()];
    let closing = format!("{indent}}}");
    let signature_end = [format!("{indent})"), format!("{indent}where")];
    for (index, line) in lines.iter().enumerate().skip(1) {
        let is_signature = signature_end.iter().any(|end| line.starts_with(end.as_str()));
        let has_no_body = is_signature && line.ends_with(';');
        // rustfmt puts the result of a long signature one step further in
        let is_result_line = index == 1 && line.trim_start().starts_with("->");
        if *line == closing || has_no_body || (is_result_line && line.ends_with(';')) {
            return index + 1;
        }
    }
    lines.len()
}

/// The name of the function whose signature begins in this line and whose body does not end in it.
fn function_that_begins(line: &str) -> Option<&str> {
    let words = line.trim_start();
    let before_text = words.split('"').next().unwrap_or_default();
    let is_comment = words.starts_with("//");
    let ends_at_once = words.ends_with('}') || words.ends_with(';');
    let after = match words.strip_prefix("fn ") {
        Some(after) => after,
        None => before_text.split_once(" fn ")?.1,
    };
    let name = after.split(['(', '<']).next().unwrap_or_default();
    (!is_comment && !ends_at_once).then_some(name)
}

#[test]
fn a_long_function_is_found_and_a_short_one_is_not() {
    let body = "    let a = 1;\n".repeat(69);
    let long = Source::new("a.rs", &format!("pub fn long() {{\n{body}}}\n"));
    let found = longer_than_70_lines(&long);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].item, "long");
    let short = Source::new("a.rs", &format!("fn short() {{\n{}}}\n", &body[15..]));
    assert!(longer_than_70_lines(&short).is_empty());
}

#[test]
fn a_function_without_a_body_ends_with_its_signature() {
    let filler = "    // text\n".repeat(80);
    let text = format!("trait A {{\n    fn a(\n        b: u8,\n    ) -> u8;\n{filler}}}\n");
    assert!(longer_than_70_lines(&Source::new("a.rs", &text)).is_empty());
}
