//! The schema of an answer, made one that Anthropic takes: no bounds, and every object closed.
//! Source: platform.claude.com, structured outputs.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions};

const FIELD: &str = "output_config.format.schema";
const BOUNDS: [&str; 23] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "contains",
    "patternProperties",
    "propertyNames",
    "minContains",
    "maxContains",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];
/// The values of `format` that are taken.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];
const SCHEMAS: [&str; 2] = ["items", "additionalItems"];
const LISTS: [&str; 4] = ["anyOf", "allOf", "oneOf", "prefixItems"];
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];

/// True if anything of the form was changed.
pub(super) fn fit(form: &mut Map<String, Value>, coercions: &mut Coercions) -> bool {
    let schema =
        form.get_mut("output_config").and_then(|output| output.pointer_mut("/format/schema"));
    schema.is_some_and(|schema| fit_schema(schema, FIELD, coercions))
}

pub(super) fn fit_schema(schema: &mut Value, path: &str, coercions: &mut Coercions) -> bool {
    let Some(members) = schema.as_object_mut() else { return false };
    let mut changed = describe_bounds(members, path, coercions);
    if !members.contains_key("anyOf")
        && let Some(branches) = members.shift_remove("oneOf")
    {
        members.insert("anyOf".to_owned(), branches);
        coercions.add(format!("{path}.oneOf"), Change::Renamed("anyOf".to_owned()));
        changed = true;
    }
    let is_object = members.get("type").is_some_and(|kind| {
        kind == "object" || kind.as_array().is_some_and(|all| all.contains(&json!("object")))
    });
    if (is_object || members.contains_key("properties"))
        && members.get("additionalProperties") != Some(&json!(false))
    {
        members.insert("additionalProperties".to_owned(), json!(false));
        coercions.add(format!("{path}.additionalProperties"), Change::Clamped("false".to_owned()));
        changed = true;
    }
    for (name, value) in members.iter_mut() {
        let inner = format!("{path}.{name}");
        match value {
            Value::Object(_) if SCHEMAS.contains(&name.as_str()) => {
                changed |= fit_schema(value, &inner, coercions)
            }
            Value::Array(list) if LISTS.contains(&name.as_str()) => {
                for (at, one) in list.iter_mut().enumerate() {
                    changed |= fit_schema(one, &format!("{inner}.{at}"), coercions);
                }
            }
            Value::Object(named) if NAMED.contains(&name.as_str()) => {
                for (key, one) in named.iter_mut() {
                    changed |= fit_schema(one, &format!("{inner}.{key}"), coercions);
                }
            }
            _ => {}
        }
    }
    changed
}

/// Bounds become words: the model still reads them.
fn describe_bounds(
    members: &mut Map<String, Value>,
    path: &str,
    coercions: &mut Coercions,
) -> bool {
    let mut words = Vec::new();
    let mut bounds: Vec<&str> =
        BOUNDS.iter().copied().filter(|name| members.contains_key(*name)).collect();
    // an array may be asked to have one element, and no more than that
    if members.get("minItems").is_some_and(|least| least.as_u64().is_none_or(|least| least > 1)) {
        bounds.push("minItems");
    }
    if members.get("format").is_some_and(|format| !FORMATS.iter().any(|known| format == known)) {
        bounds.push("format");
    }
    // what an object with names of its own may hold is words, for it is closed
    if members.get("additionalProperties").is_some_and(Value::is_object) {
        bounds.push("additionalProperties");
    }
    for name in bounds {
        let Some(value) = members.shift_remove(name) else { continue };
        words.push(format!("{name}: {value}"));
        coercions.add(format!("{path}.{name}"), Change::Moved("description"));
    }
    if words.is_empty() {
        return false;
    }
    let bounds = format!("({})", words.join(", "));
    let description = match members.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} {bounds}"),
        None => bounds,
    };
    members.insert("description".to_owned(), json!(description));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_become_words_and_objects_are_closed() {
        let score =
            json!({"type": "integer", "minimum": 1, "maximum": 10, "description": "How good."});
        // a property may have a bound's name
        let schema = json!({"type": "object", "properties": {"score": score, "minimum": {"type": "array", "items": {"type": "object"}}}});
        let mut form =
            json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}});
        let mut coercions = Coercions::default();
        assert!(fit(form.as_object_mut().unwrap(), &mut coercions));
        let within_limits = &form["output_config"]["format"]["schema"];
        assert_eq!(
            within_limits["properties"]["score"],
            json!({"type": "integer", "description": "How good. (minimum: 1, maximum: 10)"})
        );
        assert_eq!(within_limits["properties"]["minimum"]["items"]["additionalProperties"], false);
        assert_eq!(within_limits["additionalProperties"], false);
        assert_eq!(coercions.texts().len(), 4, "{:?}", coercions.texts());
        assert!(!fit(form.as_object_mut().unwrap(), &mut coercions), "what fits is left alone");
    }
}
