//! Schemas of tools, as a Claude model takes them: a plain object at the top, and where the tool is
//! strict the same part of the language as for answers.

use std::borrow::Cow;

use ainfera_schema::Taken;
use serde_json::{Map, Value, json};

use crate::codec::raw_json::RawJson;
use crate::disclosure::coercion::Coercions;
use crate::model_table::{AnswerSchema, ModelAbilities};
use crate::provider::anthropic::form::SaidTool;
use crate::provider::anthropic::limits::schema::fit_schema;
use crate::tool_schema::{make_plain_object, plain_object};

/// The same of a form that was made from another dialect.
pub(super) fn fit_form(
    tools: &mut [SaidTool<'_>],
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) {
    let bounds_strict = abilities.row.answer_schema == AnswerSchema::ClosedAndUnbounded;
    for (index, tool) in tools.iter_mut().enumerate() {
        let Some(schema) = &mut tool.input_schema else { continue };
        let path = format!("tools.{index}.input_schema");
        if abilities.row.combined_tool_schemas == Taken::No
            && let Cow::Borrowed(borrowed) = schema
        {
            *schema = plain_object(borrowed, &path, coercions);
        }
        if tool.strict == Some(true)
            && bounds_strict
            && let Ok(mut value) = schema.value(&path)
            && fit_schema(&mut value, &path, coercions)
        {
            *schema = Cow::Owned(RawJson::Value(value));
        }
    }
}

/// True if anything of a native body was changed.
pub(super) fn fit(
    form: &mut Map<String, Value>,
    abilities: &ModelAbilities<'_>,
    coercions: &mut Coercions,
) -> bool {
    let mut changed = false;
    let tools = form.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten();
    for (index, tool) in tools.enumerate() {
        let is_strict = tool["strict"] == json!(true);
        let Some(schema) = tool.get_mut("input_schema") else { continue };
        let path = format!("tools.{index}.input_schema");
        if abilities.row.combined_tool_schemas == Taken::No {
            changed |= make_plain_object(schema, &path, coercions);
        }
        if is_strict && abilities.row.answer_schema == AnswerSchema::ClosedAndUnbounded {
            changed |= fit_schema(schema, &path, coercions);
        }
    }
    changed
}
