//! A plausible value for a JSON Schema, so that a scripted tool call has arguments that its tool
//! accepts.

use serde_json::{Map, Number, Value, json};

/// How deep a schema may nest (or refer to itself) before we stop filling it in.
const DEPTH_LIMIT: usize = 8;

/// Arguments for a tool with this input schema: every required property, nothing else.
pub(crate) fn arguments_for(schema: &Value) -> Value {
    let filler = Filler { root: schema };
    match filler.object(schema, 0) {
        object @ Value::Object(_) => object,
        _ => json!({}),
    }
}

struct Filler<'a> {
    root: &'a Value,
}

impl Filler<'_> {
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        let mut object = Map::new();
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            object
                .insert(name.to_owned(), self.value(name, &schema["properties"][name], depth + 1));
        }
        Value::Object(object)
    }

    fn value(&self, name: &str, schema: &Value, depth: usize) -> Value {
        if depth > DEPTH_LIMIT {
            return Value::Null;
        }
        let schema = self.resolve(schema);
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(first) = schema["enum"].get(0) {
            return first.clone();
        }
        for union in ["anyOf", "oneOf", "allOf"] {
            if let Some(first) = schema[union]
                .as_array()
                .and_then(|parts| parts.iter().find(|part| part["type"] != "null"))
            {
                return self.value(name, first, depth + 1);
            }
        }
        match kind(schema) {
            "string" => Value::String(string(name, schema)),
            "integer" | "number" => number(schema),
            "boolean" => Value::Bool(true),
            "array" => {
                let length = schema["minItems"].as_u64().unwrap_or(0).min(16);
                (0..length).map(|_| self.value(name, &schema["items"], depth + 1)).collect()
            }
            "object" => self.object(schema, depth),
            _ => Value::Null,
        }
    }

    fn resolve<'b>(&'b self, schema: &'b Value) -> &'b Value {
        let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }
}

/// A schema without a type is read from its shape; a property without any schema is text.
fn kind(schema: &Value) -> &str {
    let named = match &schema["type"] {
        Value::String(kind) => Some(kind.as_str()),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    };
    match named {
        Some(kind) => kind,
        None if schema.get("properties").is_some() => "object",
        None if schema.get("items").is_some() => "array",
        None => "string",
    }
}

fn string(name: &str, schema: &Value) -> String {
    let by_format = match schema["format"].as_str() {
        Some("date") => Some("2026-01-31"),
        Some("date-time") => Some("2026-01-31T12:00:00Z"),
        Some("email") => Some("ada@example.com"),
        Some("uri" | "url") => Some("https://example.com/"),
        Some("uuid") => Some("00000000-0000-4000-8000-000000000000"),
        _ => None,
    };
    let name = name.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let text = match by_format {
        Some(text) => text,
        None if has(&["city", "location", "place", "town", "destination"]) => "Paris",
        None if has(&["country"]) => "France",
        None if has(&["url", "uri"]) => "https://example.com/",
        None if has(&["path", "file"]) => "README.md",
        None if has(&["command"]) => "echo hello",
        None if has(&["date"]) => "2026-01-31",
        None => "example",
    };
    let shortest = schema["minLength"].as_u64().unwrap_or(0).min(4096) as usize;
    let longest = schema["maxLength"].as_u64().map_or(usize::MAX, |length| length as usize);
    text.chars()
        .chain(std::iter::repeat('x'))
        .take(text.chars().count().max(shortest).min(longest))
        .collect()
}

fn number(schema: &Value) -> Value {
    let one = Number::from(1);
    let minimum = match (&schema["minimum"], &schema["exclusiveMinimum"]) {
        (Value::Number(minimum), _) => Some(minimum.clone()),
        (_, Value::Number(minimum)) => {
            minimum.as_i64().and_then(|minimum| minimum.checked_add(1)).map(Number::from)
        }
        _ => None,
    };
    let maximum = schema["maximum"].as_f64();
    match (minimum, maximum) {
        (Some(minimum), _) if minimum.as_f64() > Some(1.0) => Value::Number(minimum),
        (_, Some(maximum)) if maximum < 1.0 => schema["maximum"].clone(),
        _ => Value::Number(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_properties_get_values_of_their_type_and_optional_ones_nothing() {
        let schema = json!({"type": "object", "required": ["city", "unit", "days", "verbose", "tags", "where"], "properties": {
            "city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}, "days": {"type": "integer", "minimum": 3},
            "verbose": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}},
            "where": {"type": "object", "required": ["country"], "properties": {"country": {"type": ["null", "string"]}}},
            "optional": {"type": "string"}}});
        let expected = json!({"city": "Paris", "unit": "celsius", "days": 3, "verbose": true, "tags": [], "where": {"country": "France"}});
        assert_eq!(arguments_for(&schema), expected);
    }

    #[test]
    fn references_unions_and_limits_are_followed() {
        let schema = json!({"$defs": {"name": {"type": "string", "minLength": 9}}, "required": ["a", "b", "c"], "properties": {
            "a": {"$ref": "#/$defs/name"}, "b": {"anyOf": [{"type": "null"}, {"const": 5}]}, "c": {"items": {"type": "number"}, "minItems": 2}}});
        assert_eq!(arguments_for(&schema), json!({"a": "examplexx", "b": 5, "c": [1, 1]}));
    }

    #[test]
    fn no_schema_and_endless_schemas_end() {
        assert_eq!(arguments_for(&Value::Null), json!({}));
        let endless = json!({"required": ["next"], "properties": {"next": {"$ref": "#"}}});
        assert!(arguments_for(&endless).to_string().len() < 200);
    }
}
