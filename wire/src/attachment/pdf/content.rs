//! The most text that pages show: the strings of what they draw, as often as they may draw it.

use crate::attachment::pdf::glyphs;
use crate::attachment::pdf::lexer::{Lexer, Token};
use crate::attachment::pdf::objects::{Object, Objects};
use crate::attachment::pdf::value::Value;

/// Forms that draw forms, one in the other. More of them are not followed.
const MOST_NESTED_FORMS: usize = 8;

/// What a stream of drawing operators may show by itself, and by what it calls.
#[derive(Debug, Clone, Copy, Default)]
struct Drawing {
    text_bytes: u64,
    /// How often it draws a form or an image.
    draws: u64,
    /// How often it marks a part, which may have a text of its own for whoever cannot see.
    marks: u64,
}

impl Drawing {
    fn read(stream: &[u8]) -> Self {
        let mut drawing = Drawing::default();
        let mut lexer = Lexer::new(stream, 0);
        while let Some(token) = lexer.next() {
            match token {
                Token::Text(length) => drawing.text_bytes += length as u64,
                Token::Word(b"Do") => drawing.draws += 1,
                Token::Word(b"BDC" | b"DP") => drawing.marks += 1,
                _ => {}
            }
        }
        drawing.text_bytes += lexer.comment_bytes as u64;
        drawing
    }

    fn with_calls(self, of_form: u64, of_mark: u64) -> u64 {
        let forms = self.draws.saturating_mul(of_form);
        self.text_bytes.saturating_add(forms).saturating_add(self.marks.saturating_mul(of_mark))
    }
}

/// Of these pages together, in bytes of UTF-8. `None` where something that they draw cannot be
/// read.
pub(super) fn most_text(objects: &Objects<'_>, leaves: &[u32]) -> Option<u64> {
    let of_mark = longest_spoken_text(objects);
    let (of_form, all_forms) = forms(objects, of_mark)?;
    let mut bytes = all_forms;
    for object in leaves.iter().flat_map(|leaf| objects.of(*leaf)) {
        for contents in object.value.members("Contents") {
            for part in parts(objects, contents) {
                bytes = bytes.saturating_add(
                    Drawing::read(&objects.stream(part)?).with_calls(of_form, of_mark),
                );
            }
        }
    }
    // notes, fields and what else is said outside of what is drawn
    let beside: u64 = objects.all().map(|object| object.value.text_bytes()).sum();
    Some(bytes.saturating_add(beside).saturating_mul(glyphs::most_bytes_per_code(objects)?))
}

/// The streams of a page, in all their definitions.
fn parts<'o>(objects: &'o Objects<'_>, contents: &'o Value) -> Vec<&'o Object> {
    let of = |value: &Value| match value {
        Value::Reference(number) => objects.of(*number),
        _ => &[],
    };
    let listed = |list: &Value| match list {
        Value::List(list) => list.iter().flat_map(of).collect(),
        _ => Vec::new(),
    };
    let mut found: Vec<&Object> = listed(contents);
    for object in of(contents) {
        match object.value {
            Value::List(_) => found.extend(listed(&object.value)),
            _ => found.push(object),
        }
    }
    found.retain(|object| object.value != Value::Other);
    found
}

/// The most that drawing one form shows, and what all forms show once: notes draw theirs unasked.
fn forms(objects: &Objects<'_>, of_mark: u64) -> Option<(u64, u64)> {
    let is_form = |object: &&Object| {
        object.value.members("Subtype").any(|kind| *kind == Value::Name(b"Form".to_vec()))
    };
    let mut drawings = Vec::new();
    for object in objects.all().filter(is_form) {
        drawings.push(Drawing::read(&objects.stream(object)?));
    }
    let calling = drawings.iter().filter(|drawing| drawing.draws > 0).count();
    let shows = drawings.iter().any(|drawing| drawing.text_bytes > 0 || drawing.marks > 0);
    if calling > MOST_NESTED_FORMS && shows {
        return None;
    }
    let most = |inner: u64| {
        drawings.iter().map(|drawing| drawing.with_calls(inner, of_mark)).max().unwrap_or(0)
    };
    let mut of_form = most(0);
    for _ in 0..calling.min(MOST_NESTED_FORMS) {
        of_form = most(of_form);
    }
    let all = drawings
        .iter()
        .fold(0u64, |sum, drawing| sum.saturating_add(drawing.with_calls(of_form, of_mark)));
    Some((of_form, all))
}

/// A marked part may be read out as another text, which stands with the mark or beside it.
fn longest_spoken_text(objects: &Objects<'_>) -> u64 {
    let mut longest = 0;
    for object in objects.all() {
        object.value.each_dictionary(&mut |dictionary| {
            for text in ["ActualText", "Alt", "E"].iter().flat_map(|name| dictionary.members(name))
            {
                let elsewhere =
                    if let Value::Reference(number) = text { objects.of(*number) } else { &[] };
                let lengths = elsewhere.iter().map(|object| object.value.text_bytes());
                longest = lengths.chain([text.text_bytes()]).fold(longest, u64::max);
            }
        });
    }
    longest
}
