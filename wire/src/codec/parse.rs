//! JSON into types. A failure names the field by its dotted path.

use crate::error::bad_request::BadRequest;

/// Parses a body; a failure names the field by its dotted path, or the place where the text is no
/// JSON.
pub(crate) fn parse_body<'de, T: serde::Deserialize<'de>>(
    body: &'de [u8],
) -> Result<T, BadRequest> {
    #[cfg(test)]
    super::json::passes::count(body);
    // to know the path at every step costs more than to parse; most bodies are right
    if let Ok(parsed) = serde_json::from_slice(body) {
        return Ok(parsed);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = dotted(error.path());
        let inner = error.into_inner();
        if inner.is_data() {
            BadRequest::new(path, without_position(&inner))
        } else {
            BadRequest::new("body", format!("invalid JSON: {inner}"))
        }
    })?;
    deserializer
        .end()
        .map_err(|error| BadRequest::new("body", format!("invalid JSON: {error}")))?;
    Ok(parsed)
}

/// Reads a value that stands at `path`; a failure names the field inside of it.
pub(crate) fn parse_value<T: serde::de::DeserializeOwned>(
    value: serde_json::Value,
    path: &str,
) -> Result<T, BadRequest> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inside = dotted(error.path());
        let field = if inside == "body" { path.to_owned() } else { format!("{path}.{inside}") };
        BadRequest::new(field, without_position(error.inner()))
    })
}

fn dotted(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segments: Vec<String> = path
        .iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        })
        .collect();
    if segments.is_empty() { "body".to_owned() } else { segments.join(".") }
}

fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
