//! From a request and its directives to the content of the answer. This is pure, and the same for
//! all dialects.

use super::{Call, CallOrder, Part, Reported, Script, Stop, Usage};
use crate::directive::{
    Directives, StopDirective, TextDirective, UsageDirective, without_directives,
};
use crate::request::{ModelRequest, ToolChoice};
use crate::schema_value::arguments_for;

/// Words for answers of an ordered length. Some hold multi-byte characters, so that a careless cut
/// shows.
const WORDS: [&str; 12] = [
    "Paris ",
    "is ",
    "sunny: ",
    "23 °C, ",
    "light ",
    "wind; ",
    "the ",
    "cafés ",
    "are ",
    "full ",
    "☀️ ",
    "and naïve.\n",
];
const THOUGHTS: [&str; 4] = ["The user ", "wants an ", "answer; ", "so… "];
const ECHO_CHARS: usize = 200;
const ARGUMENT_PIECE_CHARS: usize = 5;

/// The answer while it is put together: thinking, then text, then calls.
struct Draft {
    thinking: Vec<String>,
    text: Vec<String>,
    calls: Vec<Call>,
    stop: Stop,
}

/// `tag` makes the ids of this answer unique; `id_prefix` is the vendor's for tool calls.
pub fn write(
    request: &ModelRequest,
    directives: &Directives,
    id_prefix: &str,
    tag: &str,
) -> Script {
    let thoughts = THOUGHTS.iter().cycle().take(directives.thinking.unwrap_or(0));
    let mut draft = Draft {
        thinking: thoughts.map(|thought| (*thought).to_owned()).collect(),
        text: Vec::new(),
        calls: calls(request, directives, id_prefix, tag),
        stop: Stop::EndTurn,
    };
    draft.text = match (directives.text, directives.tokens) {
        (Some(TextDirective::Nothing), _) => Vec::new(),
        (None, Some(tokens)) => {
            WORDS.iter().cycle().take(tokens).map(|word| (*word).to_owned()).collect()
        }
        (None, None) => {
            answer(request, &draft.calls).split_inclusive(' ').map(str::to_owned).collect()
        }
    };
    if !draft.calls.is_empty() {
        draft.stop = Stop::ToolUse;
    }
    if directives.stop == Some(StopDirective::Refusal) {
        draft.calls.clear();
        draft.stop = Stop::Refusal;
    }
    stop_at_sequence(&mut draft, &request.stop_sequences);
    stop_at_max_tokens(&mut draft, request.max_tokens);
    let usage = usage(request, directives, &draft);
    let interleaved = directives.interleave == Some(true);
    let mut parts = Vec::new();
    if !draft.thinking.is_empty() {
        parts.push(Part::Thinking(draft.thinking));
    }
    if !draft.text.is_empty() {
        parts.push(Part::Text(draft.text));
    }
    parts.extend(draft.calls.into_iter().map(Part::Call));
    let call_order = if interleaved { CallOrder::Interleaved } else { CallOrder::OneByOne };
    Script { parts, call_order, stop: draft.stop, usage }
}

fn calls(request: &ModelRequest, directives: &Directives, id_prefix: &str, tag: &str) -> Vec<Call> {
    let named = match &request.tool_choice {
        ToolChoice::Named(name) => Some(name),
        _ => directives.call.as_ref(),
    };
    let wanted = match request.tool_choice {
        ToolChoice::Forbidden => 0,
        ToolChoice::Auto if !request.tool_results.is_empty() => 0,
        ToolChoice::Auto => directives.tools.unwrap_or(1),
        ToolChoice::Any | ToolChoice::Named(_) => directives.tools.unwrap_or(1).max(1),
    };
    // A directive or a `tool_choice` decides which tools are called. Without one, no tool that acts
    // on its surroundings is called.
    let of_its_own_accord = matches!(request.tool_choice, ToolChoice::Auto)
        && directives.tools.is_none()
        && directives.call.is_none();
    let may_call =
        |name: &str| named.is_none_or(|named| name == *named) && !(of_its_own_accord && acts(name));
    let tools = request.tools.iter().filter(|tool| may_call(&tool.name));
    let in_turn = tools.cycle().take(wanted.min(request.most_calls));
    in_turn
        .enumerate()
        .map(|(position, tool)| {
            let arguments = directives
                .arguments
                .clone()
                .unwrap_or_else(|| arguments_for(&tool.schema).to_string());
            let pieces = if arguments == "{}" { Vec::new() } else { pieces_of(&arguments) };
            Call { id: format!("{id_prefix}{tag}_{position}"), name: tool.name.clone(), pieces }
        })
        .collect()
}

fn pieces_of(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.chunks(ARGUMENT_PIECE_CHARS).map(|piece| piece.iter().collect()).collect()
}

fn answer(request: &ModelRequest, calls: &[Call]) -> String {
    if let Some(call) = calls.first() {
        return format!("I will call {}…", call.name);
    }
    if !request.tool_results.is_empty() {
        return format!(
            "The tools returned: “{}”.",
            without_directives(&request.tool_results.join("”, “"))
        );
    }
    let said: String = without_directives(&request.user_text).chars().take(ECHO_CHARS).collect();
    if said.is_empty() {
        "Hello from the scripted provider…".to_owned()
    } else {
        format!("You said: “{said}”.")
    }
}

/// The text ends before the earliest stop sequence; nothing follows it.
fn stop_at_sequence(draft: &mut Draft, stop_sequences: &[String]) {
    let whole = draft.text.concat();
    let found = stop_sequences
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| Some((whole.find(stop)?, stop)));
    let Some((position, stop)) = found.min_by_key(|(position, _)| *position) else {
        return;
    };
    let mut left = position;
    draft.text.retain_mut(|piece| {
        let kept = left.min(piece.len());
        left -= kept;
        // A stop sequence starts at a character, so this position is a character's start too.
        piece.truncate(kept);
        kept > 0
    });
    draft.calls.clear();
    draft.stop = Stop::StopSequence(stop.clone());
}

/// One frame is one token. What no longer fits is cut, inside a call's arguments too, as the
/// vendors do.
fn stop_at_max_tokens(draft: &mut Draft, max_tokens: Option<u64>) {
    let Some(mut left) = max_tokens.and_then(|most| usize::try_from(most).ok()) else {
        return;
    };
    if output_tokens(draft) <= left {
        return;
    }
    for pieces in [&mut draft.thinking, &mut draft.text] {
        pieces.truncate(left);
        left -= pieces.len();
    }
    draft.calls.retain_mut(|call| {
        let needs = if call.pieces.is_empty() { 1 } else { 2 };
        let fits = left >= needs;
        left = left.saturating_sub(1);
        call.pieces.truncate(left);
        left -= call.pieces.len();
        fits
    });
    draft.stop = Stop::MaxTokens;
}

/// A call costs one token for its name and one for each piece.
fn output_tokens(draft: &Draft) -> usize {
    draft.thinking.len()
        + draft.text.len()
        + draft.calls.iter().map(|call| 1 + call.pieces.len()).sum::<usize>()
}

fn usage(request: &ModelRequest, directives: &Directives, draft: &Draft) -> Usage {
    let prompt = (request.input_chars / 4).max(1);
    let (cache_read, cache_creation) = match directives.usage {
        Some(UsageDirective::Cache) => (prompt / 2, prompt / 4),
        _ => (0, 0),
    };
    Usage {
        input: prompt - cache_read - cache_creation,
        cache_read,
        cache_creation,
        output: output_tokens(draft) as u64,
        reasoning: draft.thinking.len() as u64,
        reported: if directives.usage == Some(UsageDirective::Nothing) {
            Reported::No
        } else {
            Reported::Yes
        },
    }
}

/// Parts of the names of tools that do something: an agent that is tried out against this provider
/// must not start others, or change files.
const ACTING: [&str; 22] = [
    "agent", "task", "bash", "shell", "exec", "command", "run", "write", "edit", "patch", "create",
    "update", "delete", "remove", "move", "kill", "send", "spawn", "notebook", "computer", "todo",
    "plan",
];

/// Whether the tool's name says that it does something, instead of finding something out.
fn acts(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ACTING.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Dialect, read};
    use serde_json::{Value, json};

    fn request(more: Value) -> ModelRequest {
        let mut body = json!({"model": "m", "max_tokens": 1000, "messages": [{"role": "user", "content": "weather in Paris?"}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        read(Dialect::Anthropic, &body).unwrap()
    }

    fn tools() -> Value {
        let schema = json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
        json!([{"name": "get_weather", "input_schema": schema}, {"name": "now", "input_schema": {"type": "object"}}])
    }

    fn script(more: Value, directives: Directives) -> Script {
        write(&request(more), &directives, "toolu_mock", "7")
    }

    fn first_call(script: &Script) -> &Call {
        script.calls().next().expect("a call")
    }

    #[test]
    fn plain_text_is_echoed() {
        let script = script(json!({}), Directives::default());
        assert_eq!(script.text().concat(), "You said: “weather in Paris?”.");
        assert_eq!(script.stop, Stop::EndTurn);
        assert_eq!(script.usage.output, script.text().len() as u64);
    }

    #[test]
    fn a_tool_is_called_with_arguments_that_fit_its_schema() {
        let script = script(json!({"tools": tools()}), Directives::default());
        assert_eq!(script.calls().count(), 1);
        assert_eq!(
            (first_call(&script).id.as_str(), first_call(&script).arguments().as_str()),
            ("toolu_mock7_0", r#"{"city":"Paris"}"#)
        );
        assert_eq!(script.stop, Stop::ToolUse);
    }

    #[test]
    fn a_tool_that_acts_is_called_only_when_it_is_asked_for() {
        let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object"}});
        let tools =
            json!([tool("Task"), tool("Bash"), tool("mcp__files__write_file"), tool("Read")]);
        assert_eq!(
            first_call(&script(json!({"tools": tools}), Directives::default())).name,
            "Read"
        );
        let acting = json!([tool("Task"), tool("Bash")]);
        assert!(script(json!({"tools": acting}), Directives::default()).calls().next().is_none());
        let asked = script(
            json!({"tools": acting, "tool_choice": {"type": "tool", "name": "Bash"}}),
            Directives::default(),
        );
        assert_eq!(first_call(&asked).name, "Bash");
        let directed = script(
            json!({"tools": acting}),
            Directives { tools: Some(1), ..Directives::default() },
        );
        assert_eq!(first_call(&directed).name, "Task");
    }

    #[test]
    fn tool_choice_is_honoured() {
        let names = |choice: Value, directives: Directives| -> Vec<String> {
            let script = script(json!({"tools": tools(), "tool_choice": choice}), directives);
            script.calls().map(|call| call.name.clone()).collect()
        };
        assert!(names(json!({"type": "none"}), Directives::default()).is_empty());
        assert_eq!(names(json!({"type": "tool", "name": "now"}), Directives::default()), ["now"]);
        let three = Directives { tools: Some(3), ..Directives::default() };
        assert_eq!(
            names(json!({"type": "auto"}), three.clone()),
            ["get_weather", "now", "get_weather"]
        );
        assert_eq!(
            names(json!({"type": "any", "disable_parallel_tool_use": true}), three),
            ["get_weather"]
        );
        assert_eq!(
            names(json!({"type": "any"}), Directives { tools: Some(0), ..Directives::default() }),
            ["get_weather"]
        );
    }

    #[test]
    fn results_are_quoted_and_end_the_loop() {
        let messages = json!([{"role": "user", "content": "go"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "now", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "18 degrees"}]}]);
        let script = script(
            json!({"tools": tools(), "messages": messages}),
            Directives { tools: Some(2), ..Directives::default() },
        );
        assert!(script.text().concat().contains("18 degrees"));
        assert!(script.calls().next().is_none());
    }

    #[test]
    fn max_tokens_cuts_text_and_calls() {
        let directives = Directives { tokens: Some(10), ..Directives::default() };
        let cut = script(json!({"max_tokens": 4, "tools": tools()}), directives.clone());
        assert_eq!(
            (cut.text().len(), cut.calls().count(), cut.stop, cut.usage.output),
            (4, 0, Stop::MaxTokens, 4)
        );
        let cut = script(json!({"max_tokens": 13, "tools": tools()}), directives);
        assert_eq!(
            (cut.text().len(), first_call(&cut).arguments().as_str()),
            (10, r#"{"city":"P"#)
        );
        assert_eq!((cut.stop, cut.usage.output), (Stop::MaxTokens, 13));
    }

    #[test]
    fn a_stop_sequence_ends_the_text_before_it() {
        let directives = Directives { tokens: Some(8), ..Directives::default() };
        let script = script(
            json!({"stop_sequences": ["nowhere", "fés", "light"], "tools": tools()}),
            directives,
        );
        assert_eq!(script.text().concat(), "Paris is sunny: 23 °C, ");
        assert_eq!(script.stop, Stop::StopSequence("light".to_owned()));
        assert!(script.calls().next().is_none());
    }

    #[test]
    fn cache_usage_adds_up_to_the_prompt() {
        let plain = script(json!({}), Directives::default());
        let cached = script(
            json!({}),
            Directives { usage: Some(UsageDirective::Cache), ..Directives::default() },
        );
        assert_eq!(plain.usage.input, cached.usage.prompt());
        assert!(cached.usage.cache_read > 0);
    }
}
