//! A call in another dialect on its way to Anthropic's form: what is said so far, where it comes
//! from, what gets lost.

mod typed;

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::disclosure::source_map::SourceMap;
use crate::disclosure::translation::Translation;
use crate::error::bad_request::BadRequest;
use crate::request::Request;

/// The way of one body.
#[derive(Debug, Default)]
pub struct RequestTranslation {
    pub form: Map<String, Value>,
    pub lost: Coercions,
    pub source_map: SourceMap,
    /// What only a provider of this dialect can be asked.
    pub native_only: Option<BadRequest>,
}

impl RequestTranslation {
    pub fn set(&mut self, name: &str, callers: &str, value: Value) {
        self.form.insert(name.to_owned(), value);
        self.source_map.add(name, callers);
    }

    pub fn drop(&mut self, field: impl Into<String>, reason: Reason) {
        self.lost.add(field, Change::Dropped(reason));
    }

    pub fn only_natively(&mut self, field: impl Into<String>, why: &str) {
        self.native_only.get_or_insert_with(|| BadRequest::new(field, why));
    }

    /// The typed request, and what is to be known of the way to it.
    pub fn done(self) -> Result<(Request, Translation), BadRequest> {
        let form_bytes = written_bytes(&self.form)?;
        let Self { form, lost, source_map, native_only } = self;
        let request = typed::request(form).map_err(|bad| source_map.at_source_path(bad))?;
        Ok((request, Translation { lost, source_map, native_only, form_bytes }))
    }
}

/// How long a form is as text.
fn written_bytes(form: &Map<String, Value>) -> Result<usize, BadRequest> {
    /// Counts what is written, and lets it go.
    struct Count(usize);

    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, form)
        .map_err(|error| BadRequest::new("body", error.to_string()))?;
    Ok(count.0)
}

/// A string at a path.
pub fn text(value: Value, path: &str) -> Result<String, BadRequest> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(BadRequest::new(path, "must be a string")),
    }
}

/// An object at a path.
pub fn object(value: Value, path: &str) -> Result<Map<String, Value>, BadRequest> {
    match value {
        Value::Object(mut members) => {
            members.retain(|_, value| !value.is_null());
            Ok(members)
        }
        _ => Err(BadRequest::new(path, "must be an object")),
    }
}

/// A member that must be there.
pub fn required(
    members: &mut Map<String, Value>,
    name: &str,
    path: &str,
) -> Result<Value, BadRequest> {
    members
        .shift_remove(name)
        .ok_or_else(|| BadRequest::new(format!("{path}.{name}"), "field required"))
}

/// A URL, or the bytes that a data URL is made of.
pub fn source(url: &str, path: &str) -> Result<Value, BadRequest> {
    let Some(data) = url.strip_prefix("data:") else {
        return Ok(json!({"type": "url", "url": url}));
    };
    let (head, data) =
        data.split_once(',').ok_or_else(|| BadRequest::new(path, "data URL without data"))?;
    let media_type = head
        .strip_suffix(";base64")
        .ok_or_else(|| BadRequest::new(path, "data URLs must be base64"))?;
    let media_type = media_type.split(';').next().unwrap_or_default();
    Ok(json!({"type": "base64", "media_type": media_type, "data": data}))
}
