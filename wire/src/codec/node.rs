//! A JSON value that knows where it stands in its body, so that a mistake names its field. The path
//! becomes text only where something is wrong or lost.

use std::fmt;

use bytestring::ByteString;
use serde_json::{Map, Value};

use crate::error::bad_request::BadRequest;

/// The place of a value, such as `messages.0.content`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    /// The body itself.
    Body,
    Member(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) fn member(&'p self, name: &'p str) -> Self {
        Path::Member(self, name)
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
        Path::Index(self, index)
    }

    pub(crate) fn mistake(&self, message: impl Into<String>) -> BadRequest {
        BadRequest::new(self.to_string(), message)
    }

    /// A string that stands here.
    pub(crate) fn text(&self, value: Value) -> Result<ByteString, BadRequest> {
        match value {
            Value::String(text) => Ok(text.into()),
            _ => Err(self.mistake("must be a string")),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Body => Ok(()),
            Path::Member(Path::Body, name) => f.write_str(name),
            Path::Member(parent, name) => write!(f, "{parent}.{name}"),
            Path::Index(Path::Body, index) => write!(f, "{index}"),
            Path::Index(parent, index) => write!(f, "{parent}.{index}"),
        }
    }
}

/// An object whose members are taken one by one; whatever is left at the end was not read. A null
/// says nothing.
#[derive(Debug)]
pub(crate) struct Object<'p> {
    members: Map<String, Value>,
    pub path: Path<'p>,
}

impl<'p> Object<'p> {
    /// The object that stands at `path`.
    pub(crate) fn read(value: Value, path: Path<'p>) -> Result<Self, BadRequest> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ => Err(path.mistake("must be an object")),
        }
    }

    pub(crate) fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// The path of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        self.path.member(name).to_string()
    }

    pub(crate) fn mistake(&self, name: &str, message: impl Into<String>) -> BadRequest {
        BadRequest::new(self.at(name), message)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.get_mut(name).map(Value::take).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<Value, BadRequest> {
        self.take(name).ok_or_else(|| self.mistake(name, "field required"))
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<ByteString, BadRequest> {
        let value = self.required(name)?;
        self.path.member(name).text(value)
    }

    pub(crate) fn optional_text(&mut self, name: &str) -> Result<Option<ByteString>, BadRequest> {
        self.take(name).map(|value| self.path.member(name).text(value)).transpose()
    }

    pub(crate) fn optional_bool(&mut self, name: &str) -> Result<Option<bool>, BadRequest> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(said)) => Ok(Some(said)),
            Some(_) => Err(self.mistake(name, "must be true or false")),
        }
    }

    /// Members that were not taken.
    pub(crate) fn left(&self) -> impl Iterator<Item = &str> {
        let said = self.members.iter().filter(|(_, value)| !value.is_null());
        said.map(|(name, _)| name.as_str())
    }

    /// The same with their values.
    pub(crate) fn into_left(self) -> impl Iterator<Item = (String, Value)> {
        self.members.into_iter().filter(|(_, value)| !value.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mistake_names_the_place_of_its_value() {
        let list = Path::Body.member("messages");
        let message = list.index(2);
        let mut message = Object::read(json!({"role": 7, "name": null, "x": 1}), message).unwrap();
        assert_eq!(
            message.text("role").unwrap_err().to_string(),
            "messages.2.role: must be a string"
        );
        assert_eq!(
            message.text("name").unwrap_err().to_string(),
            "messages.2.name: field required"
        );
        assert_eq!(message.left().collect::<Vec<_>>(), ["x"]);
        assert_eq!(
            Object::read(json!([]), Path::Body.member("a")).unwrap_err().to_string(),
            "a: must be an object"
        );
    }
}
