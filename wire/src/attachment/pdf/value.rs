//! A value of a PDF: an object, or a part of one.

use crate::attachment::pdf::lexer::{Lexer, Token};

/// Deeper than any honest object.
const MAX_DEPTH: usize = 24;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Name(Vec<u8>),
    Whole(i64),
    /// A string, of which only the length matters.
    Text(usize),
    Reference(u32),
    List(Vec<Value>),
    Dictionary(Vec<(Vec<u8>, Value)>),
    Other,
}

impl Value {
    /// The next value. `None` where there is none, or one that is not well formed.
    pub(super) fn parse(lexer: &mut Lexer<'_>) -> Option<Value> {
        Self::parse_within(lexer, MAX_DEPTH)
    }

    fn parse_within(lexer: &mut Lexer<'_>, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        match lexer.next()? {
            Token::Name(name) => Some(Value::Name(name)),
            Token::Text(length) => Some(Value::Text(length)),
            Token::Whole(number) => {
                Some(lexer.reference_from(number).map_or(Value::Whole(number), Value::Reference))
            }
            Token::Word(word) => (word != b"endobj" && word != b"stream").then_some(Value::Other),
            Token::ListStart => {
                let mut list = Vec::new();
                while !lexer.take(&Token::ListEnd) {
                    list.push(Self::parse_within(lexer, depth)?);
                }
                Some(Value::List(list))
            }
            Token::DictionaryStart => {
                let mut members = Vec::new();
                while !lexer.take(&Token::DictionaryEnd) {
                    let Token::Name(key) = lexer.next()? else { return None };
                    members.push((key, Self::parse_within(lexer, depth)?));
                }
                Some(Value::Dictionary(members))
            }
            Token::ListEnd | Token::DictionaryEnd => None,
        }
    }

    /// Every member of that name: of two a reader takes either.
    pub(super) fn members<'v>(&'v self, name: &'v str) -> impl Iterator<Item = &'v Value> {
        let members = match self {
            Value::Dictionary(members) => members.as_slice(),
            _ => &[],
        };
        members.iter().filter(move |(key, _)| key == name.as_bytes()).map(|(_, value)| value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members(name).next().is_some()
    }

    /// Calls `visit` with each dictionary, however deep it stands.
    pub(super) fn each_dictionary<'v>(&'v self, visit: &mut dyn FnMut(&'v Value)) {
        match self {
            Value::Dictionary(members) => {
                visit(self);
                members.iter().for_each(|(_, value)| value.each_dictionary(visit));
            }
            Value::List(list) => list.iter().for_each(|value| value.each_dictionary(visit)),
            Value::Name(_)
            | Value::Whole(_)
            | Value::Text(_)
            | Value::Reference(_)
            | Value::Other => {}
        }
    }

    /// The bytes of all strings in it.
    pub(super) fn text_bytes(&self) -> u64 {
        match self {
            Value::Text(length) => *length as u64,
            Value::List(list) => list.iter().map(Value::text_bytes).sum(),
            Value::Dictionary(members) => members.iter().map(|(_, value)| value.text_bytes()).sum(),
            Value::Name(_) | Value::Whole(_) | Value::Reference(_) | Value::Other => 0,
        }
    }
}
