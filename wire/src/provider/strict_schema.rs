//! Whether a schema can be a strict one: every object is closed and requires all of its properties,
//! and nothing is combined but by `anyOf` below the top. Anthropic's clients may leave properties
//! optional in theirs; OpenAI and those that copied it refuse that where it is called strict.
//! Source: developers.openai.com, guide to structured outputs, read on 2026-11-30.

use serde_json::Value;

const REFUSED: [&str; 10] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
];

pub(crate) fn can_be_strict(schema: &Value) -> bool {
    let is_object = schema["type"] == "object";
    is_object && schema.get("anyOf").is_none() && is_closed(schema)
}

fn is_closed(schema: &Value) -> bool {
    let Some(members) = schema.as_object() else { return true };
    if REFUSED.iter().any(|keyword| members.contains_key(*keyword)) {
        return false;
    }
    let properties = members.get("properties").and_then(Value::as_object);
    if (members.get("type").is_some_and(|kind| kind == "object") || properties.is_some())
        && members.get("additionalProperties") != Some(&Value::Bool(false))
    {
        return false;
    }
    let requires = |name: &String| {
        members
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|one| one == name))
    };
    if properties.is_some_and(|all| !all.keys().all(requires)) {
        return false;
    }
    let named = ["properties", "$defs", "definitions"]
        .iter()
        .filter_map(|keyword| members.get(*keyword)?.as_object())
        .flat_map(|all| all.values());
    let listed = ["anyOf", "prefixItems"]
        .iter()
        .filter_map(|keyword| members.get(*keyword)?.as_array())
        .flatten();
    named.chain(listed).chain(members.get("items")).all(is_closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_strict_schema_is_closed_and_requires_everything() {
        let of = |inner: Value| json!({"type": "object", "properties": {"a": inner}, "required": ["a"], "additionalProperties": false});
        assert!(can_be_strict(&of(json!({"type": "string", "minLength": 1}))));
        assert!(can_be_strict(&of(json!({"anyOf": [{"type": "null"}, of(json!({}))]}))));
        for open in [
            json!({"type": "object", "properties": {"a": {}}, "additionalProperties": false}),
            json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
            of(json!({"type": "object"})),
            of(json!({"oneOf": []})),
            json!({"type": "array", "items": {}}),
            json!({}),
        ] {
            assert!(!can_be_strict(&open), "{open}");
        }
    }
}
