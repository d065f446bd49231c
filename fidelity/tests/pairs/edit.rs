//! Documented fields, and requests that say them.

use serde_json::{Map, Value};

/// The fields of one dialect, and a request that says none of them.
pub struct Documented {
    pub base: Value,
    pub fields: Vec<Field>,
}

pub struct Field {
    /// Members and indexes, with dots between.
    pub path: String,
    pub value: Value,
    /// What must be found at the provider's, if the value has a text that nothing else has.
    pub mark: Option<String>,
    /// Paths of fields that this one is nothing without.
    pub needs: Vec<String>,
    pub silence: Silence,
    /// The path of a field that this one asks to be left out.
    pub apart_from: Option<&'static str>,
}

/// What it means that a provider hears nothing of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    IsLoss,
    /// The field asks for what happens anyway.
    MeetsIt,
}

/// A field with this value. Its mark is the first text in it that begins with `mark-`, or a number
/// that is not round.
pub fn field(path: &str, value: Value) -> Field {
    Field {
        path: path.to_owned(),
        mark: mark_in(&value),
        value,
        needs: Vec::new(),
        silence: Silence::IsLoss,
        apart_from: None,
    }
}

impl Field {
    pub fn needing(mut self, path: &str) -> Self {
        self.needs.push(path.to_owned());
        self
    }

    pub fn met_by_silence(self) -> Self {
        Self { silence: Silence::MeetsIt, ..self }
    }

    pub fn apart_from(self, path: &'static str) -> Self {
        Self { apart_from: Some(path), ..self }
    }

    /// Can they not be said together: is one of them inside the other, or does it ask for the other
    /// to be left out?
    pub fn excludes(&self, other: &Field) -> bool {
        let asks = |one: &Field, other: &Field| one.apart_from == Some(other.path.as_str());
        leads(&self.path, &other.path)
            || leads(&other.path, &self.path)
            || asks(self, other)
            || asks(other, self)
    }
}

/// Is `path` the place `outer`, or inside it?
pub fn leads(outer: &str, path: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn mark_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => text.find("mark-").map(|at| {
            text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
        }),
        Value::Number(number) => Some(number.to_string()).filter(|text| text.len() > 4),
        Value::Array(list) => list.iter().find_map(mark_in),
        Value::Object(members) => members.values().find_map(mark_in),
        Value::Null | Value::Bool(_) => None,
    }
}

impl Documented {
    /// Each field gets marks that no other has, but for ids, which must agree with each other.
    pub fn of(base: Value, fields: Vec<Field>) -> Self {
        let numbered = fields.into_iter().enumerate().map(|(number, field)| {
            let text = field.value.to_string();
            if text.contains("mark-id") || text.contains("mark-call") {
                return field;
            }
            let value: Value =
                serde_json::from_str(&text.replace("mark-", &format!("mark-{number}-"))).unwrap();
            Field { mark: mark_in(&value), value, ..field }
        });
        Self { base, fields: numbered.collect() }
    }

    /// The field with what it needs, in an order in which they can be said.
    pub fn needed<'a>(&'a self, field: &'a Field) -> Vec<&'a Field> {
        let mut all: Vec<&Field> = Vec::new();
        for path in &field.needs {
            let needed = self
                .fields
                .iter()
                .find(|field| field.path == *path)
                .unwrap_or_else(|| panic!("{path} is no field"));
            all.extend(self.needed(needed));
        }
        all.push(field);
        all
    }

    /// A request that says these fields.
    pub fn request(&self, fields: &[&Field]) -> Value {
        let mut request = self.base.clone();
        for field in fields {
            set(&mut request, &field.path, field.value.clone());
        }
        request
    }
}

/// Puts `value` at `path`; an index beyond the end of a list is its next.
fn set(at: &mut Value, path: &str, value: Value) {
    let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
    let inner = match (&mut *at, step.parse::<usize>()) {
        (Value::Array(list), Ok(index)) => {
            if index >= list.len() {
                list.push(Value::Null);
            }
            let last = list.len() - 1;
            &mut list[index.min(last)]
        }
        (Value::Object(members), _) => members.entry(step).or_insert(Value::Null),
        _ => {
            *at = Value::Object(Map::new());
            return set(at, path, value);
        }
    };
    match rest {
        Some(rest) => set(inner, rest, value),
        None => *inner = value,
    }
}
