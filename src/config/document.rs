//! Reads a TOML document and collects every mistake, each with its place, instead of stopping at
//! the first.
//!
//! A reader asks a [`Section`] for the fields that it knows; a key that no reader asked for is a
//! mistake. A field that cannot be read yields `None` after it has reported why, so a reader goes
//! on with a default and the next field is looked at too.

use std::cell::{Cell, RefCell};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::field::Field;
use super::mistake::{Mistake, did_you_mean};

/// The text under examination and what is wrong with it.
pub struct Document<'d> {
    text: &'d str,
    /// Lines that are not TOML. What is wrong besides on such a line, or missing anywhere, is
    /// likely their doing and is not reported.
    broken_lines: Vec<usize>,
    mistakes: RefCell<Vec<Mistake>>,
}

/// One table of the document.
pub struct Section<'d> {
    document: &'d Document<'d>,
    table: &'d DeTable<'d>,
    span: Range<usize>,
    path: String,
    known: RefCell<Vec<&'static str>>,
    /// Which keys there may be.
    keys: Cell<Keys>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Known,
    Any,
}

/// Runs `read` over the whole document and returns what it made of it, unless there is any mistake.
pub fn read_document<T>(
    text: &str,
    read: impl FnOnce(&Section<'_>) -> Option<T>,
) -> Result<T, Vec<Mistake>> {
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    let mut document = Document { text, broken_lines: Vec::new(), mistakes: RefCell::default() };
    for error in &syntax_errors {
        let (line, column) = document.place(error.span().map_or(0, |span| span.start));
        let message = error.message().replace('\n', ", ");
        document.broken_lines.push(line);
        document.mistakes.get_mut().push(Mistake { line, column, field: String::new(), message });
    }
    let made = Section::over(&document, root.get_ref(), 0..0, String::new(), read);
    let mut mistakes = document.mistakes.into_inner();
    mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
    match made {
        Some(made) if mistakes.is_empty() => Ok(made),
        _ => Err(mistakes),
    }
}

impl<'d> Document<'d> {
    pub(super) fn refuse(&self, offset: usize, field: &str, message: impl Into<String>) {
        let (line, column) = self.place(offset);
        if !self.broken_lines.contains(&line) {
            self.mistakes.borrow_mut().push(Mistake {
                line,
                column,
                field: field.to_owned(),
                message: message.into(),
            });
        }
    }

    pub(super) fn is_well_formed(&self) -> bool {
        self.broken_lines.is_empty()
    }

    /// Line and column, both from 1.
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |start| start.chars().count()) + 1;
        (line, column)
    }
}

impl<'d> Section<'d> {
    /// Looks at a table through `read`, then reports the keys that `read` did not ask for.
    pub(super) fn over<T>(
        document: &'d Document<'d>,
        table: &'d DeTable<'d>,
        span: Range<usize>,
        path: String,
        read: impl FnOnce(&Section<'d>) -> T,
    ) -> T {
        let section = Section {
            document,
            table,
            span,
            path,
            known: RefCell::default(),
            keys: Cell::new(Keys::Known),
        };
        let made = read(&section);
        section.refuse_unknown_keys();
        made
    }

    /// The field, if it is there.
    pub fn field(&self, key: &'static str) -> Option<Field<'d>> {
        self.known.borrow_mut().push(key);
        self.table.get(key).map(|value| Field::new(self.document, value, self.path_to(key)))
    }

    /// The field under its present name, or under the one that it had before. The older name is
    /// read with a warning; both names at once are a mistake.
    pub fn renamed_field(&self, key: &'static str, older: &'static str) -> Option<Field<'d>> {
        let (present, former) = (self.field(key), self.field(older));
        if let Some(former) = &former {
            if present.is_some() {
                former.refuse(format!("is the older name of \"{key}\": leave it out"));
            } else {
                let (older, key) = (self.path_to(older), self.path_to(key));
                tracing::warn!(older, key, "the configuration uses the older name of a key");
            }
        }
        present.or(former)
    }

    /// The field; its absence is a mistake.
    pub fn required(&self, key: &'static str) -> Option<Field<'d>> {
        let field = self.field(key);
        if field.is_none() {
            self.refuse_missing(key, "is missing");
        }
        field
    }

    /// Every table of the list `[[key]]`, or an empty list.
    pub fn each<T>(
        &self,
        key: &'static str,
        read: impl FnMut(&Section<'d>) -> Option<T>,
    ) -> Vec<T> {
        self.field(key).map_or_else(Vec::new, |field| field.each(read))
    }

    /// Every field of a table whose keys the file chooses.
    pub fn each_field(&self, mut read: impl FnMut(&'d str, &Field<'d>)) {
        self.keys.set(Keys::Any);
        for (key, value) in self.table {
            let name: &'d str = key.get_ref();
            read(name, &Field::new(self.document, value, self.path_to(name)));
        }
    }

    /// Reports a field that is not there and should be.
    pub fn refuse_missing(&self, key: &str, message: impl Into<String>) {
        if self.document.is_well_formed() {
            self.document.refuse(self.span.start, &self.path_to(key), message);
        }
    }

    /// Whether nothing in the document has been reported so far.
    pub fn is_clean(&self) -> bool {
        self.document.mistakes.borrow().is_empty()
    }

    fn refuse_unknown_keys(&self) {
        if self.keys.get() == Keys::Any {
            return;
        }
        let known = self.known.borrow();
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let offer = did_you_mean(name, known.iter().copied());
                self.document.refuse(
                    key.span().start,
                    &self.path_to(name),
                    format!("unknown key{offer}"),
                );
            }
        }
    }

    fn path_to(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

pub(super) fn word_for(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(text: &str) -> Vec<String> {
        let read = read_document(text, |root| {
            let name = root.required("name").and_then(|field| field.text().map(str::to_owned));
            root.each("tools", |tool| {
                tool.required("id").and_then(|field| field.text().map(str::to_owned))
            });
            name
        });
        read.map_or_else(
            |mistakes| mistakes.iter().map(Mistake::to_string).collect(),
            |_| Vec::new(),
        )
    }

    #[test]
    fn a_good_document_has_none() {
        assert_eq!(mistakes("name = \"a\"\n[[tools]]\nid = \"b\"\n"), Vec::<String>::new());
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file_with_their_place() {
        let text = "name = 3\n\n[[tools]]\nid = \"b\"\nnmae = 1\n[[tools]]\nid = true\n[[tools]]\n";
        assert_eq!(
            mistakes(text),
            [
                "line 1: name: must be a string, not an integer",
                "line 5: tools[0].nmae: unknown key",
                "line 7: tools[1].id: must be a string, not a boolean",
                "line 8: tools[2].id: is missing",
            ]
        );
    }

    #[test]
    fn every_syntax_error_is_reported_with_the_other_mistakes_but_not_its_own_echo() {
        let found = mistakes("name = \n[[tools]]\nid = 1\n[[tools]]\nid = \"a\" \"b\"\nnam = 2\n");
        let lines: Vec<&str> =
            found.iter().filter_map(|mistake| mistake.split(':').next()).collect();
        assert_eq!(lines, ["line 1", "line 3", "line 5", "line 6"], "{found:?}");
    }

    #[test]
    fn a_key_twice_is_a_mistake() {
        let found = mistakes("name = \"a\"\nname = \"b\"\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("line 2: duplicate key"), "{found:?}");
    }

    #[test]
    fn a_list_that_is_no_list_of_tables_is_a_mistake() {
        assert_eq!(
            mistakes("name = \"a\"\n[tools]\nid = \"b\"\n"),
            ["line 2: tools: must be a list of tables: write [[tools]]"]
        );
        assert_eq!(
            mistakes("name = \"a\"\ntools = [1]\n"),
            ["line 2: tools[0]: must be a table, not an integer"]
        );
    }
}
