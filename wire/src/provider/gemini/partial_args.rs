//! Arguments of a call that come in pieces: each names the place of its value by a path such as
//! `$.where.cities[0]`; pieces of one text are added up.

use serde_json::{Map, Value};

use crate::codec::json::Text;
use crate::codec::shape::shaped;

/// Indexes beyond this are not believed.
const MOST_ELEMENTS: usize = 10_000;

shaped! {
    /// One piece.
    #[derive(Debug)]
    pub(crate) struct PartialArg<'a> {
        #[serde(borrow)]
        json_path: Option<Text<'a>> = "jsonPath",
        #[serde(borrow)]
        string_value: Option<Text<'a>> = "stringValue",
        number_value: Option<Value> = "numberValue",
        bool_value: Option<bool> = "boolValue",
        null_value: Option<Value> = "nullValue",
    }
}

/// Adds a piece to `args`. A path that cannot be followed is left out.
pub(crate) fn add(args: &mut Map<String, Value>, piece: &PartialArg<'_>) {
    let Some(steps) = piece.json_path.as_deref().and_then(steps) else { return };
    let place = match steps.split_first() {
        Some((Step::Member(name), rest)) => {
            args.entry((*name).to_owned()).or_insert(Value::Null).walk(rest)
        }
        _ => None,
    };
    let Some(place) = place else { return };
    if let Some(text) = &piece.string_value {
        match place {
            Value::String(before) => before.push_str(text),
            other => *other = Value::String(text.to_string()),
        }
    } else if let Some(number) = &piece.number_value {
        *place = number.clone();
    } else if let Some(flag) = piece.bool_value {
        *place = Value::Bool(flag);
    } else if piece.null_value.is_some() {
        *place = Value::Null;
    }
}

#[derive(Debug)]
enum Step<'p> {
    Member(&'p str),
    Index(usize),
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            steps.push(Step::Member(&after[..end]));
            rest = &after[end..];
        } else {
            let (inside, after) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = inside
                .strip_prefix(['\'', '"'])
                .and_then(|inside| inside.strip_suffix(['\'', '"']));
            steps.push(match quoted {
                Some(name) => Step::Member(name),
                None => Step::Index(inside.parse().ok().filter(|index| *index < MOST_ELEMENTS)?),
            });
            rest = after;
        }
    }
    Some(steps)
}

trait Walk {
    /// The value at the end of the path, made on the way.
    fn walk(&mut self, steps: &[Step<'_>]) -> Option<&mut Value>;
}

impl Walk for Value {
    fn walk(&mut self, steps: &[Step<'_>]) -> Option<&mut Value> {
        let Some((step, rest)) = steps.split_first() else { return Some(self) };
        if self.is_null() {
            *self = match step {
                Step::Member(_) => Value::Object(Map::new()),
                Step::Index(_) => Value::Array(Vec::new()),
            };
        }
        match (step, self) {
            (Step::Member(name), Value::Object(members)) => {
                members.entry((*name).to_owned()).or_insert(Value::Null).walk(rest)
            }
            (Step::Index(index), Value::Array(elements)) => {
                if elements.len() <= *index {
                    elements.resize(index + 1, Value::Null);
                }
                elements.get_mut(*index)?.walk(rest)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_add_up() {
        let mut args = Map::new();
        for piece in [
            json!({"jsonPath": "$.city", "stringValue": "San ", "willContinue": true}),
            json!({"jsonPath": "$.city", "stringValue": "Francisco"}),
            json!({"jsonPath": "$.days[1].n", "numberValue": 3}),
            json!({"jsonPath": "$['a b'].ok", "boolValue": true}),
            json!({"jsonPath": "$.none", "nullValue": "NULL_VALUE"}),
            json!({"jsonPath": "$.city.inside", "stringValue": "lost"}),
            json!({"jsonPath": "$.days[99999999999]", "numberValue": 1}),
            json!({"jsonPath": "no path", "numberValue": 1}),
        ] {
            let text = piece.to_string();
            add(&mut args, &serde_json::from_str(&text).unwrap());
        }
        let expected = json!({"city": "San Francisco", "days": [null, {"n": 3}], "a b": {"ok": true}, "none": null});
        assert_eq!(Value::Object(args), expected);
    }
}
