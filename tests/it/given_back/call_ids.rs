//! Ids of tool calls.

use serde_json::{Value, json};

use super::talk::{Speaks, Talk};
use super::{call_delta, chat_answer, gateway, last_body, said, takes_all};

const OSLO: &str = "functions.get_weather:0";
const BERGEN: &str = "functions.get_weather:1";

fn calls() -> String {
    let deltas = [
        call_delta(0, OSLO, "{\"city\":\"Oslo\"}"),
        call_delta(1, BERGEN, "{\"city\":\"Bergen\"}"),
    ];
    chat_answer(&deltas, "tool_calls")
}

/// Ids of the calls and of their results, in order.
fn ids(messages: &Value) -> (Vec<String>, Vec<String>) {
    let text = |id: &Value| id.as_str().unwrap().to_owned();
    let messages = messages.as_array().unwrap();
    let calls =
        messages.iter().flat_map(|message| message["tool_calls"].as_array().into_iter().flatten());
    let results = messages.iter().filter(|message| message["role"] == "tool");
    (
        calls.map(|call| text(&call["id"])).collect(),
        results.map(|result| text(&result["tool_call_id"])).collect(),
    )
}

#[actix_rt::test]
async fn a_vendor_gets_its_own_ids_back_and_every_client_such_as_it_may_have() {
    for speaks in [Speaks::Messages, Speaks::Chat, Speaks::Responses] {
        let answers = vec![calls(), calls(), said("Cold.")];
        let (gateway, provider) =
            gateway("openai_compatible", "moonshotai/Kimi-K2.6", answers, takes_all).await;
        let mut talk = Talk::new(speaks);
        let first = talk.turn(&gateway).await.text();
        assert_eq!(first.contains(OSLO), speaks == Speaks::Chat, "{first}");
        talk.turn(&gateway).await;
        talk.turn(&gateway).await;
        let own = [OSLO, BERGEN, OSLO, BERGEN].map(str::to_owned).to_vec();
        let sent = ids(&last_body(&provider)["messages"]);
        assert_eq!(sent, (own.clone(), own), "{speaks:?}");
        if speaks == Speaks::Messages {
            let blocks = talk.body["messages"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|turn| turn["content"].as_array().into_iter().flatten());
            let mut ids: Vec<&str> = blocks.filter_map(|block| block["id"].as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(
                ids.len(),
                4,
                "the vendor counts anew in each answer, the client has no id twice: {ids:?}"
            );
        }
    }
}

#[actix_rt::test]
async fn ids_of_others_are_made_such_as_a_vendor_takes_and_pairs_stay_pairs() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}});
    let long = "call_".repeat(20);
    let turn = |ids: [&str; 2]| {
        let calls = json!({"role": "assistant", "content": null, "tool_calls": ids.map(call)});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "4 C"});
        [calls, result(ids[0]), result(ids[1])]
    };
    let mut messages = vec![json!({"role": "user", "content": "weather"})];
    messages.extend(turn([OSLO, BERGEN]));
    messages.extend(turn([OSLO, &long]));
    type Ids = fn(&Value) -> (Vec<String>, Vec<String>);
    let of_chat: Ids = |body| ids(&body["messages"]);
    let of_messages: Ids = |body| {
        let blocks = || {
            body["messages"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|turn| turn["content"].as_array().into_iter().flatten())
        };
        let all = |name: &str| {
            blocks().filter_map(|block| Some(block.get(name)?.as_str()?.to_owned())).collect()
        };
        (all("id"), all("tool_use_id"))
    };
    let of_responses: Ids = |body| {
        let all = |kind: &str| {
            body["input"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|item| item["type"] == kind)
                .map(|item| item["call_id"].as_str().unwrap().to_owned())
                .collect()
        };
        (all("function_call"), all("function_call_output"))
    };
    type Fits = fn(&str) -> bool;
    let cases: [(&str, &str, Ids, Fits); 3] = [
        ("mistral", "mistral-large", of_chat, |id| {
            id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        }),
        ("anthropic", "claude-opus-4-7", of_messages, |id| {
            id.len() <= 64 && !id.contains([':', '.'])
        }),
        ("openai_responses", "gpt-5.5", of_responses, |id| id.len() <= 64),
    ];
    for (kind, model, read, fits) in cases {
        let (gateway, provider) = gateway(kind, model, vec![String::new()], takes_all).await;
        let mut earlier: Option<Vec<String>> = None;
        for shown in [4, messages.len()] {
            let body = json!({"model": "theirs", "max_tokens": 90, "messages": messages[..shown],
                "tools": [{"type": "function", "function": {"name": "get_weather"}}]});
            gateway.call_at("/v1/chat/completions", &body, &[]).await;
            let (calls, results) = read(&last_body(&provider));
            assert_eq!(calls, results, "{kind}");
            assert!(calls.iter().all(|id| fits(id)), "{kind} {calls:?}");
            let mut distinct = calls.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), calls.len(), "{kind} {calls:?}");
            if let Some(earlier) = &earlier {
                assert_eq!(calls[..2], earlier[..], "{kind}: what was sent before is sent again");
            }
            earlier = Some(calls);
        }
    }
}
