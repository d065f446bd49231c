//! JSON schemas without what a vendor refuses. A schema that loses a keyword allows more than the
//! caller meant, so each is named.

use serde_json::{Map, Value, json};

use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::provider::chat::profile::SchemaRule;

/// Changes the schema that stands at `path` by the rules.
pub(crate) fn sanitise(
    schema: &mut Value,
    rules: &[SchemaRule],
    path: &str,
    coercions: &mut Coercions,
) {
    if rules.is_empty() {
        return;
    }
    let Value::Object(members) = schema else { return };
    for rule in rules {
        apply(*rule, members, path, coercions);
    }
    for (keyword, value) in members.iter_mut() {
        let path = format!("{path}.{keyword}");
        match keyword.as_str() {
            // here the keys are names, not keywords
            "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                for (name, schema) in value.as_object_mut().into_iter().flatten() {
                    sanitise(schema, rules, &format!("{path}.{name}"), coercions);
                }
            }
            "items"
            | "additionalProperties"
            | "contains"
            | "propertyNames"
            | "not"
            | "if"
            | "then"
            | "else"
                if value.is_object() =>
            {
                sanitise(value, rules, &path, coercions);
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" | "items" => {
                for (index, schema) in value.as_array_mut().into_iter().flatten().enumerate() {
                    sanitise(schema, rules, &format!("{path}.{index}"), coercions);
                }
            }
            // values: what looks like a schema in them is none
            _ => {}
        }
    }
}

fn apply(
    rule: SchemaRule,
    members: &mut Map<String, Value>,
    path: &str,
    coercions: &mut Coercions,
) {
    match rule {
        SchemaRule::Refuses(keyword) => {
            if members.shift_remove(keyword).is_some() {
                coercions.add(format!("{path}.{keyword}"), Change::Dropped(Reason::Vendor));
            }
        }
        SchemaRule::RefusesFalse(keyword) => {
            if members.get(keyword) == Some(&Value::Bool(false)) {
                members.shift_remove(keyword);
                coercions.add(format!("{path}.{keyword}"), Change::Dropped(Reason::Vendor));
            }
        }
        SchemaRule::Instead(keyword, other) => {
            let Some(value) = members.shift_remove(keyword) else { return };
            if members.contains_key(other) {
                coercions.add(format!("{path}.{keyword}"), Change::Dropped(Reason::Vendor));
            } else {
                members.insert(other.to_owned(), value);
                coercions.add(format!("{path}.{keyword}"), Change::Renamed(other.to_owned()));
            }
        }
        SchemaRule::ConstAsEnum => {
            let Some(value) = members.shift_remove("const") else { return };
            members.insert("enum".to_owned(), json!([value]));
            coercions.add(format!("{path}.const"), Change::Renamed("enum".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [SchemaRule; 4] = [
        SchemaRule::Refuses("$schema"),
        SchemaRule::RefusesFalse("additionalProperties"),
        SchemaRule::Instead("oneOf", "anyOf"),
        SchemaRule::ConstAsEnum,
    ];

    fn sanitised(mut schema: Value) -> (Value, Vec<String>) {
        let mut coercions = Coercions::default();
        sanitise(&mut schema, &RULES, "p", &mut coercions);
        (schema, coercions.texts())
    }

    #[test]
    fn p014_keywords_that_a_target_rejects_are_taken_out_and_named() {
        let (schema, coercions) = sanitised(json!({
            "$schema": "x", "type": "object", "additionalProperties": false,
            "properties": {"kind": {"const": "a"}, "one": {"oneOf": [{"type": "string", "const": 1}]}},
        }));
        let expected = json!({"type": "object", "properties": {"kind": {"enum": ["a"]}, "one": {"anyOf": [{"type": "string", "enum": [1]}]}}});
        assert_eq!(schema, expected);
        let expected = [
            "p.$schema=dropped:vendor_refuses",
            "p.additionalProperties=dropped:vendor_refuses",
            "p.properties.kind.const=renamed:enum",
            "p.properties.one.oneOf=renamed:anyOf",
            "p.properties.one.anyOf.0.const=renamed:enum",
        ];
        assert_eq!(coercions, expected);
    }

    #[test]
    fn names_and_values_that_look_like_keywords_stay() {
        let schema = json!({"type": "object", "properties": {"const": {"type": "string", "default": {"oneOf": 1}}, "$schema": {"enum": [{"const": 2}]}},
            "additionalProperties": {"type": "string"}});
        assert_eq!(sanitised(schema.clone()), (schema, Vec::new()));
    }
}
