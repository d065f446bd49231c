//! Chunks of a Chat provider that go to a Chat client: as they came, but for the router's name for
//! the model and for what official clients cannot read.

use serde_json::{Map, Value, json};

use crate::client::chat::usage_chunk::UsageChunk;
use crate::codec::json::{Edit, Members, quoted};

/// What becomes of the finish reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum FinishRepair {
    #[default]
    AsItIs,
    Word(&'static str),
    /// An empty word tells no end: null, as in every chunk before the last.
    NotYet,
}

/// How a provider's chunk has to be changed before official clients can read it.
#[derive(Debug, Default)]
pub(crate) struct ChunkRepair {
    /// For each tool call in the chunk's first choice: its place in the answer, and what identifies
    /// it where it begins.
    pub calls: Vec<ToolCallRepair>,
    pub finish_reason: FinishRepair,
    /// The first chunk with a choice says whose turn it is, and no other.
    pub is_first: bool,
    /// Content is a list of parts, which clients do not expect in a chunk.
    pub has_parts: bool,
}

/// See [`ChunkRepair`].
#[derive(Debug)]
pub(crate) struct ToolCallRepair {
    pub index: usize,
    pub begins: Option<(String, String)>,
    /// It is not as clients need it.
    pub broken: bool,
    /// Its arguments have been said.
    pub repeats: bool,
}

/// A provider's chunk under our name for the model, mended where it must be; usage inside a chunk
/// that says more goes only to who wants it.
pub(crate) fn relayed_chunk(
    data: &[u8],
    model: &str,
    usage_chunk: UsageChunk,
    repair: &ChunkRepair,
) -> Result<Vec<u8>, serde_json::Error> {
    let chunk = Members::parse(data)?;
    let find =
        |name: &str| chunk.0.iter().find(|(key, _)| &**key == name).map(|(_, value)| value.get());
    let choices = match find("choices") {
        Some(choices) => repaired(choices, repair)?,
        None => Some("[]".to_owned()),
    };
    let mut added = Vec::new();
    for (name, value) in [
        ("object", "\"chat.completion.chunk\"".to_owned()),
        ("model", quoted(model)),
        ("choices", "[]".to_owned()),
    ] {
        if find(name).is_none_or(|value| value == "null") {
            added.push((name, value));
        }
    }
    let missing: Vec<&str> = added.iter().map(|(name, _)| *name).collect();
    Ok(chunk.write(
        |key| match key {
            _ if missing.contains(&key) => Edit::Remove,
            "model" => Edit::Replace(quoted(model)),
            "choices" => choices.clone().map_or(Edit::Keep, Edit::Replace),
            "usage" if usage_chunk == UsageChunk::Unwanted => Edit::Remove,
            _ => Edit::Keep,
        },
        &added,
    ))
}

/// The choices with what is broken made good; `None` if nothing is.
fn repaired(choices: &str, repair: &ChunkRepair) -> Result<Option<String>, serde_json::Error> {
    let broken_calls = repair.calls.iter().any(|call| call.broken);
    // whole calls come without it from some
    let needs_type =
        repair.calls.iter().any(|call| call.begins.is_some()) && !choices.contains("\"type\"");
    let broken_calls = broken_calls || needs_type;
    let has_role = choices.contains("\"role\"");
    let needs_role = repair.is_first && !has_role;
    let repeats_role = !repair.is_first && has_role;
    if !broken_calls
        && !needs_role
        && !repeats_role
        && !repair.has_parts
        && repair.finish_reason == FinishRepair::AsItIs
    {
        return Ok(None);
    }
    let mut choices: Value = serde_json::from_str(choices)?;
    let all = choices.as_array_mut().into_iter().flatten();
    // the only one that is asked for
    let Some(choice) = all.into_iter().find(|choice| choice.is_object()) else { return Ok(None) };
    match repair.finish_reason {
        FinishRepair::AsItIs => {}
        FinishRepair::Word(word) => choice["finish_reason"] = json!(word),
        FinishRepair::NotYet => choice["finish_reason"] = Value::Null,
    }
    if !choice["delta"].is_object() {
        choice["delta"] = Value::Object(Map::new());
    }
    match choice["delta"].as_object_mut() {
        Some(delta) if needs_role => drop(delta.insert("role".to_owned(), json!("assistant"))),
        // clients add up what is said twice
        Some(delta) if repeats_role => drop(delta.shift_remove("role")),
        _ => {}
    }
    if repair.has_parts {
        flatten_parts(&mut choice["delta"]);
    }
    if let Some(calls) = choice["delta"]["tool_calls"].as_array_mut() {
        let calls = calls.iter_mut().filter(|call| call.is_object());
        for (call, repaired) in calls.zip(&repair.calls) {
            repair_call(call, repaired);
        }
    }
    if choice["delta"]["tool_calls"].is_null()
        && let Some(delta) = choice["delta"].as_object_mut()
    {
        delta.shift_remove("tool_calls");
    }
    Ok(Some(choices.to_string()))
}

fn repair_call(call: &mut Value, repaired: &ToolCallRepair) {
    call["index"] = json!(repaired.index);
    if !call["function"].is_object() {
        call["function"] = json!({});
    }
    if repaired.repeats {
        call["function"]["arguments"] = json!("");
    }
    match &repaired.begins {
        Some((id, name)) => {
            call["id"] = json!(id);
            call["type"] = json!("function");
            call["function"]["name"] = json!(name);
        }
        // clients add up what is said twice
        None => {
            if let Some(call) = call.as_object_mut() {
                call.shift_remove("id");
                call.shift_remove("type");
            }
            if let Some(function) = call["function"].as_object_mut() {
                function.shift_remove("name");
            }
        }
    }
    if call["function"]["arguments"].is_object() {
        call["function"]["arguments"] = json!(call["function"]["arguments"].to_string());
    }
}

/// Parts as the strings that every client reads: what is said, and what was thought.
fn flatten_parts(delta: &mut Value) {
    let Value::Array(parts) = delta["content"].take() else { return };
    let (mut said, mut thought) = (String::new(), String::new());
    for part in &parts {
        match &part["thinking"] {
            Value::Array(thoughts) => thoughts
                .iter()
                .filter_map(|piece| piece["text"].as_str())
                .for_each(|piece| thought.push_str(piece)),
            Value::String(piece) => thought.push_str(piece),
            _ => said.push_str(part["text"].as_str().unwrap_or_default()),
        }
    }
    if !thought.is_empty() {
        delta["reasoning_content"] = json!(thought);
    }
    delta["content"] = json!(said);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(data: &str, repair: ChunkRepair) -> String {
        String::from_utf8(
            relayed_chunk(data.as_bytes(), "ours", UsageChunk::Wanted, &repair).unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn what_is_as_it_should_be_stays_byte_for_byte_but_for_the_model() {
        let data = r#"{"object":"chat.completion.chunk","model":"theirs","x":{"y": 1.0},"choices":[{"index":0,"delta":{"role":"assistant"}}]}"#;
        let repair = ChunkRepair { is_first: true, ..ChunkRepair::default() };
        assert_eq!(pass(data, repair), data.replace("theirs", "ours"));
    }

    #[test]
    fn whose_turn_it_is_is_said_once() {
        let data = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]}"#;
        let later: Value = serde_json::from_str(&pass(data, ChunkRepair::default())).unwrap();
        assert_eq!(later["choices"][0]["delta"], json!({"content": "a"}));
        let first = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}"#;
        let first: Value = serde_json::from_str(&pass(
            first,
            ChunkRepair { is_first: true, ..ChunkRepair::default() },
        ))
        .unwrap();
        assert_eq!(first["choices"][0]["delta"], json!({"content": "a", "role": "assistant"}));
    }

    #[test]
    fn p007_indexes_and_ids_are_made_good() {
        let data = r#"{"object":"chat.completion.chunk","model":"m","choices":[{"delta":{"tool_calls":[{"id":"","function":{"name":"f","arguments":{"a":1}}}]}}]}"#;
        let begins = Some(("toolu_1".to_owned(), "f".to_owned()));
        let repair = ChunkRepair {
            calls: vec![ToolCallRepair { index: 2, begins, broken: true, repeats: false }],
            ..ChunkRepair::default()
        };
        let chunk: Value = serde_json::from_str(&pass(data, repair)).unwrap();
        assert_eq!(
            chunk["choices"][0]["delta"]["tool_calls"][0],
            json!({"id": "toolu_1", "function": {"name": "f", "arguments": "{\"a\":1}"}, "index": 2, "type": "function"})
        );
    }

    #[test]
    fn p011_a_stop_with_calls_is_a_stop_for_calls() {
        let data = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
        let chunk: Value = serde_json::from_str(&pass(
            data,
            ChunkRepair {
                finish_reason: FinishRepair::Word("tool_calls"),
                ..ChunkRepair::default()
            },
        ))
        .unwrap();
        assert_eq!(chunk["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["model"], "ours");
    }
}
