//! `decide` agrees with every published vector, field by field; figures are compared as decimals.

use std::error::Error;

use ainfera_routing::decide_line;
use rust_decimal::Decimal;
use serde_json::Value;

#[test]
fn every_named_case_agrees() {
    let cases: Vec<_> = include_str!("../vectors/decide_canonical.jsonl").lines().collect();
    assert_eq!(cases.len(), 79);
    for case in cases {
        let (name, decided, expected) = decide_case(case).unwrap();
        assert_eq!(decided, expected, "{name}");
    }
}

#[test]
fn every_random_case_agrees() {
    let cases: Vec<_> = include_str!("../vectors/decide_random_small.jsonl").lines().collect();
    assert_eq!(cases.len(), 291);
    for case in cases {
        let (name, decided, expected) = decide_case(case).unwrap();
        assert_eq!(decided, expected, "{name}");
    }
}

/// The name of the case, what we decide, and what is expected.
fn decide_case(line: &str) -> Result<(String, Value, Value), Box<dyn Error>> {
    let case: Value = serde_json::from_str(line)?;
    let decided: Value = serde_json::from_str(&decide_line(line)?)?;
    Ok((case["name"].to_string(), normal(&decided), normal(&case["expect"])))
}

/// The same decision with every figure in its shortest form. Fields that are not expected, or are
/// missing, stay visible.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, field)| (name.clone(), normal_field(name, field))).collect()
        }
        other => other.clone(),
    }
}

fn normal_field(name: &str, field: &Value) -> Value {
    match (name, field) {
        ("projected_cost_usd" | "q_prior", Value::String(text)) => {
            match Decimal::from_str_exact(text) {
                Ok(figure) => figure.normalize().to_string().into(),
                Err(_) => field.clone(),
            }
        }
        _ => normal(field),
    }
}
