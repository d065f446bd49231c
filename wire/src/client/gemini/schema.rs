//! Google's own language for schemas, a part of OpenAPI's, as JSON Schema: types in capitals,
//! numbers as texts, `nullable`. Source: ai.google.dev/api/caching#Schema, read on 2026-12-01.

use serde_json::{Map, Value, json};

use crate::client::gemini::names::camel_case;
use crate::codec::lenient::count;

/// What counts something, which the dialect writes as text.
const COUNTS: [&str; 6] =
    ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// The same schema, as everybody else writes it. What is no schema stays what it is.
pub(crate) fn json_schema(schema: Value) -> Value {
    let Value::Object(members) = schema else { return schema };
    let mut written = Map::new();
    let mut is_nullable = false;
    for (name, value) in members {
        let name = camel_case(&name);
        match &*name {
            "type" => {
                let kind = value.as_str().map(str::to_ascii_lowercase);
                if kind.as_deref() != Some("type_unspecified") {
                    written.insert(name.into_owned(), kind.map_or(value, Value::from));
                }
            }
            "nullable" => is_nullable = value == json!(true),
            // it orders what a schema has no order for
            "propertyOrdering" => {}
            "format" if value == json!("enum") => {}
            "example" => drop(written.insert("examples".to_owned(), json!([value]))),
            "ref" => drop(written.insert("$ref".to_owned(), value)),
            "properties" => drop(written.insert(name.into_owned(), each(value))),
            "defs" => drop(written.insert("$defs".to_owned(), each(value))),
            "items" | "additionalProperties" => {
                written.insert(name.into_owned(), json_schema(value));
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                let all = match value {
                    Value::Array(all) => all.into_iter().map(json_schema).collect(),
                    other => other,
                };
                written.insert(name.into_owned(), all);
            }
            known if COUNTS.contains(&known) => {
                let number = count(&value.to_string()).map_or(value, Value::from);
                written.insert(name.into_owned(), number);
            }
            _ => drop(written.insert(name.into_owned(), value)),
        }
    }
    if is_nullable {
        also_null(&mut written);
    }
    Value::Object(written)
}

fn each(schemas: Value) -> Value {
    match schemas {
        Value::Object(all) => {
            all.into_iter().map(|(name, schema)| (name, json_schema(schema))).collect()
        }
        other => other,
    }
}

fn also_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
    if let Some(Value::Array(any)) = schema.get_mut("anyOf") {
        any.push(json!({"type": "null"}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_of_googles_is_one_that_everybody_reads() {
        let schema = json!({
            "type": "OBJECT", "propertyOrdering": ["days"], "required": ["days"],
            "properties": {
                "days": {"type": "ARRAY", "min_items": "1", "items": {"type": "STRING", "format": "enum", "enum": ["mon"]}},
                "type": {"type": "STRING", "nullable": true, "example": "x"},
                "size": {"anyOf": [{"type": "INTEGER", "format": "int32"}, {"type": "NUMBER"}]},
            },
        });
        let expected = json!({
            "type": "object", "required": ["days"],
            "properties": {
                "days": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["mon"]}},
                "type": {"type": ["string", "null"], "examples": ["x"]},
                "size": {"anyOf": [{"type": "integer", "format": "int32"}, {"type": "number"}]},
            },
        });
        assert_eq!(json_schema(schema), expected);
        assert_eq!(json_schema(expected.clone()), expected, "and JSON Schema stays as it is");
    }
}
