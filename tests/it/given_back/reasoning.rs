//! Reasoning of vendors that speak Chat Completions.

use serde_json::{Value, json};

use super::talk::{ALL, Speaks, Talk};
use super::{call_delta, chat_answer, gateway, last_body, said, takes_all};

const THOUGHT: &str = "The user wants weather.";

/// Moonshot's rule: an empty text counts as none.
fn wants_reasoning(body: &Value) -> Option<&'static str> {
    let messages = body["messages"].as_array()?;
    let without = messages.iter().any(|message| {
        message.get("tool_calls").is_some()
            && message["reasoning_content"].as_str().is_none_or(str::is_empty)
    });
    without.then_some(
        "thinking is enabled but reasoning_content is missing in assistant tool call message",
    )
}

fn thinks_and_calls(member: &str) -> String {
    let mut thinks = vec![json!({"role": "assistant", "content": ""})];
    thinks.push(json!({member: "The user "}));
    thinks.push(json!({member: "wants weather."}));
    thinks.push(call_delta(0, "call_00_aB3dE6gH9", "{\"city\":\"Oslo\"}"));
    chat_answer(&thinks, "tool_calls")
}

/// The last assistant message that the provider got.
fn last_answer(body: &Value) -> Value {
    let messages = body["messages"].as_array().unwrap();
    messages.iter().rev().find(|message| message["role"] == "assistant").unwrap().clone()
}

#[actix_rt::test]
async fn reasoning_goes_back_in_the_member_that_it_came_in() {
    for (kind, model, member) in [
        ("openai_compatible", "kimi-k2.6", "reasoning_content"),
        ("openai_compatible", "nobody-knows-it", "reasoning_content"),
        ("openai_compatible", "nobody-knows-it", "reasoning"),
        ("together", "moonshotai/Kimi-K3", "reasoning_content"),
        ("together", "zai-org/GLM-5", "reasoning"),
        ("openrouter", "moonshotai/kimi-k2.6", "reasoning_content"),
        ("deepseek", "deepseek-flash", "reasoning_content"),
        ("xai", "grok-4.6", "reasoning_content"),
    ] {
        for speaks in ALL {
            let refusal = if member == "reasoning" { takes_all } else { wants_reasoning };
            let answers = vec![thinks_and_calls(member), said("4 degrees.")];
            let (gateway, provider) = gateway(kind, model, answers, refusal).await;
            let mut talk = Talk::new(speaks);
            talk.turn(&gateway).await;
            let answer = talk.turn(&gateway).await;
            let (sent, named) =
                (last_answer(&last_body(&provider)), answer.header("x-ainfera-coercions"));
            assert_eq!(sent[member], THOUGHT, "{kind} {model} {speaks:?} {sent} {named:?}");
            assert!(!sent.to_string().contains("ainfera."), "{sent}");
            assert!(!named.unwrap_or_default().contains("other_issuer"), "{named:?}");
            // and in all later turns
            talk.turn(&gateway).await;
            let later = last_body(&provider)["messages"][1].clone();
            assert_eq!(later, sent, "{kind} {model} {speaks:?}");
        }
    }
}

#[actix_rt::test]
async fn a_client_that_keeps_no_reasoning_is_helped_and_told() {
    for (kind, model) in [
        ("openai_compatible", "kimi-k2.6"),
        ("together", "moonshotai/Kimi-K3"),
        ("openrouter", "moonshotai/kimi-k2.6"),
        ("deepseek", "deepseek-flash"),
    ] {
        let answers = vec![thinks_and_calls("reasoning_content"), said("4 degrees.")];
        let (gateway, provider) = gateway(kind, model, answers, wants_reasoning).await;
        let mut talk = Talk::new(Speaks::PlainChat);
        talk.turn(&gateway).await;
        let answer = talk.turn(&gateway).await;
        let named = answer.header("x-ainfera-coercions").unwrap_or_default().to_owned();
        assert!(
            named.contains("messages.1.reasoning_content=added:a placeholder"),
            "{kind} {named}"
        );
        assert_eq!(last_answer(&last_body(&provider))["reasoning_content"], " ", "{kind}");
    }
}

#[actix_rt::test]
async fn reasoning_details_go_back_part_for_part() {
    let part = |members: Value| {
        let mut part =
            json!({"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0});
        part.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        part
    };
    let encrypted = json!({"type": "reasoning.encrypted", "data": "QUJD", "id": "tool_0_get_weather", "format": "google-gemini-v1", "index": 1});
    let thinks = [
        json!({"role": "assistant", "content": "", "reasoning": "The user ", "reasoning_details": [part(json!({"text": "The user "}))]}),
        json!({"reasoning": "wants weather.", "reasoning_details": [part(json!({"text": "wants weather."}))]}),
        json!({"reasoning_details": [part(json!({"signature": "c2ln"}))]}),
    ];
    let expected = json!([part(json!({"text": THOUGHT, "signature": "c2ln"})), encrypted]);
    let mut call = call_delta(0, "tool_0_get_weather", "{\"city\":\"Oslo\"}");
    let late = json!({"reasoning_details": [encrypted]});
    for with_call in [true, false] {
        let mut deltas = thinks.to_vec();
        if with_call {
            call["reasoning_details"] = json!([encrypted]);
            deltas.push(call.clone());
        } else {
            call.as_object_mut().unwrap().shift_remove("reasoning_details");
            deltas.extend([call.clone(), late.clone()]);
        }
        for speaks in [Speaks::Messages, Speaks::Responses] {
            let answers = vec![chat_answer(&deltas, "tool_calls"), said("4 degrees.")];
            let (gateway, provider) =
                gateway("openrouter", "google/gemini-3.1-pro-preview", answers, takes_all).await;
            let mut talk = Talk::new(speaks);
            talk.turn(&gateway).await;
            let answer = talk.turn(&gateway).await;
            let sent = last_answer(&last_body(&provider));
            assert_eq!(sent["reasoning_details"], expected, "{with_call} {speaks:?} {sent}");
            assert_eq!(
                answer.header("x-ainfera-coercions").filter(|named| named.contains("issuer")),
                None
            );
        }
    }
}
