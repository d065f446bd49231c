//! What the readers of each dialect complain of: a sound stream with one change.

use ainfera_fidelity::accumulate;
use ainfera_wire::client::ClientDialect;

const MESSAGES: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}

event: message_stop
data: {"type":"message_stop"}

"#;

const CHAT: &str = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hello"}}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{"}}]}}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}

data: [DONE]

"#;

const RESPONSES: &str = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"m","status":"in_progress","output":[]}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":2,"item_id":"fc_1","output_index":0,"delta":"{}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":3,"item_id":"fc_1","output_index":0,"arguments":"{}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":4,"output_index":0,"item":{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":"{}"}}

event: response.completed
data: {"type":"response.completed","sequence_number":5,"response":{"id":"resp_1","model":"m","status":"completed","output":[{"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":"{}"}]}}

"#;

/// What is replaced, by what, and what a reader says to it.
type Change = (&'static str, &'static str, &'static str);

const MESSAGES_CHANGES: [Change; 10] = [
    ("\"input_tokens\":3", "\"input_tokens\":0", "without input tokens"),
    (
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "",
        "message_stop in a block",
    ),
    ("\"stop_reason\":\"end_turn\"", "\"stop_reason\":null", "without a stop reason"),
    (
        "\"stop_reason\":\"end_turn\"",
        "\"stop_reason\":\"tool_use\"",
        "no tool call, but the stop reason is tool_use",
    ),
    ("text_delta", "delta_of_tomorrow", "unknown delta"),
    (
        "event: message_stop\ndata: {\"type\":\"message_stop\"",
        "event: finish\ndata: {\"type\":\"finish\"",
        "unknown event",
    ),
    ("event: message_delta", "event: other", "has type"),
    (
        "{\"type\":\"content_block_start\",\"index\":0",
        "{\"type\":\"content_block_start\",\"index\":1",
        "index 1 instead of 0",
    ),
    (
        "\"content\":[]",
        "\"content\":[{\"type\":\"text\",\"text\":\"x\"}]",
        "content in message_start",
    ),
    ("event: content_block_start", ": still here\n\nevent: content_block_start", "a comment"),
];

const CHAT_CHANGES: [Change; 9] = [
    ("\"role\":\"assistant\",", "", "no role"),
    (
        "\"role\":\"assistant\",\"content\":\"hello\"",
        "\"role\":\"assistant\",\"content\":[]",
        "content is no text",
    ),
    (
        "{\"index\":0,\"function\":{\"arguments\":\"}\"",
        "{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"}\"",
        "said twice",
    ),
    (
        "{\"index\":0,\"function\":{\"arguments\":\"}\"",
        "{\"index\":2,\"function\":{\"arguments\":\"}\"",
        "call 2 after 1",
    ),
    ("\"finish_reason\":\"tool_calls\"", "\"finish_reason\":null", "[DONE] before a finish reason"),
    ("\"finish_reason\":\"tool_calls\"", "\"finish_reason\":\"stop\"", "the finish reason is stop"),
    (
        "\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}",
        "\"choices\":[]",
        "a chunk of 0 choices",
    ),
    ("\"model\":\"m\",\"choices\":[]", "\"model\":\"other\",\"choices\":[]", "another model"),
    ("data: [DONE]", "data: [DONE]\n\ndata: [DONE]", "words after the end"),
];

const RESPONSES_CHANGES: [Change; 10] = [
    ("\"sequence_number\":2", "\"sequence_number\":3", "sequence number 3 after 1"),
    ("\"sequence_number\":0", "\"sequence_number\":7", "the first sequence number is 7"),
    (
        "\"item_id\":\"fc_1\",\"output_index\":0,\"delta\"",
        "\"item_id\":\"fc_2\",\"output_index\":0,\"delta\"",
        "names another item",
    ),
    (
        "\"output_index\":0,\"arguments\":\"{}\"",
        "\"output_index\":0,\"arguments\":\"{ }\"",
        "something else than its pieces",
    ),
    ("\"status\":\"completed\"", "\"status\":\"incomplete\"", "has another status"),
    (
        "\"id\":\"resp_1\",\"model\":\"m\",\"status\":\"completed\"",
        "\"id\":\"resp_2\",\"model\":\"m\",\"status\":\"completed\"",
        "id changes",
    ),
    ("\"status\":\"in_progress\"", "\"status\":\"queued\"", "not the beginning"),
    ("function_call_arguments.delta", "function_call_words.delta", "unknown event"),
    (
        "{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"{}\"}}\n\nevent: response.completed",
        "{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"b\",\"name\":\"f\",\"arguments\":\"{}\"}}\n\nevent: response.completed",
        "done otherwise",
    ),
    (
        "\"item\":{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"\"}",
        "\"item\":{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\",\"arguments\":\"\"}",
        "without an id of its own",
    ),
];

fn every_change_is_noticed(dialect: ClientDialect, sound: &str, changes: &[Change]) {
    assert_eq!(accumulate::stream(dialect, sound.as_bytes()).complaints, Vec::<String>::new());
    for (from, to, complaint) in changes {
        let changed = sound.replace(from, to);
        assert_ne!(changed, sound, "{from} is not in the stream");
        let complaints = accumulate::stream(dialect, changed.as_bytes()).complaints;
        assert!(complaints.iter().any(|one| one.contains(complaint)), "{to}: {complaints:?}");
    }
}

#[test]
fn a_messages_client() {
    every_change_is_noticed(ClientDialect::Messages, MESSAGES, &MESSAGES_CHANGES);
}

#[test]
fn a_chat_client() {
    every_change_is_noticed(ClientDialect::Chat, CHAT, &CHAT_CHANGES);
}

#[test]
fn a_responses_client() {
    every_change_is_noticed(ClientDialect::Responses, RESPONSES, &RESPONSES_CHANGES);
}
