//! The top of a tool's schema, for models that take a plain object there and refuse combinations
//! (`anyOf`, `oneOf`, `allOf`), references, and a schema that does not say that it is an object.
//!
//! The properties of all branches become properties of the object, and what the combination said
//! becomes words, which the model still reads. Such a schema allows more than the caller's, so each
//! change is named.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::{Change, Coercions, Reason};

const COMBINATIONS: [(&str, &str); 3] = [
    ("allOf", "must fit all of"),
    ("anyOf", "must fit at least one of"),
    ("oneOf", "must fit exactly one of"),
];
/// What else may not stand at the top.
const REFUSED: [(&str, &str); 2] = [("not", "must not fit"), ("enum", "must be one of")];
/// A reference that leads to a reference is followed so far.
const LONGEST_CHAIN: usize = 8;

/// Whether anything of the text may have to be changed; most tools are left alone at this cost.
pub(crate) fn may_need_change(schemas: &str) -> bool {
    COMBINATIONS.iter().chain(&REFUSED).any(|(keyword, _)| schemas.contains(keyword))
        || schemas.contains("$ref")
        // an empty schema says no type
        || schemas.contains("{}")
}

/// Makes the schema at `path` an object without combinations at its top. True if it was changed.
pub(crate) fn make_plain_object(schema: &mut Value, path: &str, coercions: &mut Coercions) -> bool {
    let root = schema.clone();
    let Some(members) = schema.as_object_mut() else { return false };
    let mut changed = false;
    if members.contains_key("$ref") {
        follow_reference(members, &root, path, coercions);
        changed = true;
    }
    let mut words = Vec::new();
    for (keyword, verb) in COMBINATIONS {
        let Some(Value::Array(branches)) = members.shift_remove(keyword) else { continue };
        let branches: Vec<Value> =
            branches.iter().map(|branch| resolved(branch, &root).clone()).collect();
        merge(members, &branches, keyword);
        words.push(format!("{verb}: {}", Value::Array(branches)));
        coercions.add(format!("{path}.{keyword}"), Change::Moved("properties and description"));
    }
    for (keyword, verb) in REFUSED {
        let Some(value) = members.shift_remove(keyword) else { continue };
        words.push(format!("{verb}: {value}"));
        coercions.add(format!("{path}.{keyword}"), Change::Moved("description"));
    }
    changed |= !words.is_empty();
    describe(members, &words);
    if members.get("type") != Some(&json!("object")) {
        let said = members.insert("type".to_owned(), json!("object")).is_some();
        let to = "object".to_owned();
        let change = if said { Change::Clamped(to) } else { Change::Added(to) };
        coercions.add(format!("{path}.type"), change);
        changed = true;
    }
    changed
}

/// The schema of a tool as a plain object; most are one, and stay as they came.
pub(crate) fn plain_object<'r>(
    schema: &'r RawJson,
    path: &str,
    coercions: &mut Coercions,
) -> Cow<'r, RawJson> {
    if is_plain_object(schema) {
        return Cow::Borrowed(schema);
    }
    let Ok(mut value) = schema.value(path) else { return Cow::Borrowed(schema) };
    if make_plain_object(&mut value, path, coercions) {
        Cow::Owned(RawJson::Value(value))
    } else {
        Cow::Borrowed(schema)
    }
}

/// What stands at the top of a schema, as far as it matters here.
#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(rename = "$ref")]
    reference: Option<IgnoredAny>,
    #[serde(rename = "allOf")]
    all_of: Option<IgnoredAny>,
    #[serde(rename = "anyOf")]
    any_of: Option<IgnoredAny>,
    #[serde(rename = "oneOf")]
    one_of: Option<IgnoredAny>,
    not: Option<IgnoredAny>,
    r#enum: Option<IgnoredAny>,
}

fn is_plain_object(schema: &RawJson) -> bool {
    let text = schema.text();
    let Ok(top) = serde_json::from_str::<Top<'_>>(&text) else { return false };
    let combines = [top.reference, top.all_of, top.any_of, top.one_of, top.not, top.r#enum];
    top.kind.is_some_and(|kind| kind.get() == "\"object\"") && combines.iter().all(Option::is_none)
}

/// What a reference of the document leads to; the schema itself where it is none.
fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut found = schema;
    for _ in 0..LONGEST_CHAIN {
        let Some(next) = found["$ref"].as_str().and_then(|to| root.pointer(to.strip_prefix('#')?))
        else {
            break;
        };
        found = next;
    }
    found
}

fn follow_reference(
    members: &mut Map<String, Value>,
    root: &Value,
    path: &str,
    coercions: &mut Coercions,
) {
    members.shift_remove("$ref");
    let found = resolved(root, root);
    let change = match found.as_object().filter(|found| !found.contains_key("$ref")) {
        Some(found) => {
            for (name, value) in found {
                members.entry(name.clone()).or_insert_with(|| value.clone());
            }
            Change::Moved("the schema itself")
        }
        None => Change::Dropped(Reason::Model),
    };
    coercions.add(format!("{path}.$ref"), change);
}

/// All properties of the branches; what each of them requires, or for `allOf` what any does.
fn merge(members: &mut Map<String, Value>, branches: &[Value], keyword: &str) {
    let mut properties =
        members.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for (name, schema) in
        branches.iter().filter_map(|branch| branch["properties"].as_object()).flatten()
    {
        properties.entry(name.clone()).or_insert_with(|| schema.clone());
    }
    let mut required: Vec<Value> =
        members.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let demands = |branch: &Value, name: &Value| {
        branch["required"].as_array().is_some_and(|all| all.contains(name))
    };
    for name in branches.iter().filter_map(|branch| branch["required"].as_array()).flatten() {
        let is_required = keyword == "allOf" || branches.iter().all(|branch| demands(branch, name));
        if is_required && !required.contains(name) {
            required.push(name.clone());
        }
    }
    members.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        members.insert("required".to_owned(), Value::Array(required));
    }
}

fn describe(members: &mut Map<String, Value>, words: &[String]) {
    if words.is_empty() {
        return;
    }
    let words = format!("(The input {})", words.join("; and "));
    let description = match members.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description} {words}"),
        None => words,
    };
    members.insert("description".to_owned(), json!(description));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(mut schema: Value) -> (Value, Vec<String>) {
        let mut coercions = Coercions::default();
        make_plain_object(&mut schema, "s", &mut coercions);
        (schema, coercions.texts())
    }

    #[test]
    fn branches_at_the_top_become_properties_and_words() {
        let branch = |name: &str| json!({"properties": {name: {"type": "string"}, "city": {}}, "required": [name, "city"]});
        let (schema, named) = plain(json!({"type": "object", "description": "Find.",
            "oneOf": [branch("path"), {"$ref": "#/$defs/by_url"}], "$defs": {"by_url": branch("url")}}));
        assert_eq!(
            schema["properties"].as_object().unwrap().keys().collect::<Vec<_>>(),
            ["path", "city", "url"]
        );
        assert_eq!((&schema["required"], schema.get("oneOf")), (&json!(["city"]), None));
        let words = schema["description"].as_str().unwrap();
        assert!(words.starts_with("Find. (The input must fit exactly one of: ["), "{words}");
        assert_eq!(named, ["s.oneOf=moved:properties and description"]);

        let (schema, _) = plain(json!({"allOf": [branch("a"), branch("b")]}));
        assert_eq!(
            (&schema["required"], &schema["type"]),
            (&json!(["a", "city", "b"]), &json!("object"))
        );
    }

    #[test]
    fn a_reference_at_the_top_is_followed_and_a_missing_type_added() {
        let (schema, named) = plain(
            json!({"$ref": "#/definitions/f", "definitions": {"f": {"type": "object", "properties": {"a": {}}}}}),
        );
        assert_eq!(schema["properties"], json!({"a": {}}));
        assert_eq!(named, ["s.$ref=moved:the schema itself"]);
        assert_eq!(
            plain(json!({})),
            (json!({"type": "object"}), vec!["s.type=added:object".to_owned()])
        );
        let fits = json!({"type": "object", "properties": {"a": {"anyOf": [{}, {}]}}});
        assert_eq!(plain(fits.clone()), (fits, Vec::new()));
        // a reference that leads to itself, and one that leads away
        for wrong in ["#", "https://example.org/schema.json"] {
            let (schema, named) = plain(json!({"$ref": wrong}));
            assert_eq!(
                (schema, named[0].as_str()),
                (json!({"type": "object"}), "s.$ref=dropped:model_refuses")
            );
        }
    }
}
