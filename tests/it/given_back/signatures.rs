//! Signatures and encrypted thoughts: Gemini's, Anthropic's and those of Responses.

use serde_json::{Value, json};

use super::talk::{ALL, Speaks, Talk};
use super::{chat_answer, gateway, last_body, said, takes_all};

const SIGNED: &str = "c2lnbmF0dXJlLW9uZQ==";

fn gemini_answer(parts: &Value) -> String {
    let candidate = json!({
        "content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0,
    });
    let usage = json!({"promptTokenCount": 9, "candidatesTokenCount": 5, "totalTokenCount": 14});
    let answer = json!({"candidates": [candidate], "usageMetadata": usage, "responseId": "r"});
    format!("data: {answer}\n\n")
}

fn parts(body: &Value) -> Vec<Value> {
    let contents = body["contents"].as_array().unwrap();
    let of_model = contents.iter().filter(|content| content["role"] == "model");
    of_model.flat_map(|content| content["parts"].as_array().unwrap().clone()).collect()
}

#[actix_rt::test]
async fn gemini_gets_the_signatures_of_calls_and_texts_back() {
    for speaks in ALL {
        let call = json!({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}},
            "thoughtSignature": SIGNED});
        let text = json!({"text": "4 degrees.", "thoughtSignature": "dGV4dA=="});
        let answers = vec![gemini_answer(&json!([call])), gemini_answer(&json!([text]))];
        let (gateway, provider) =
            gateway("gemini", "gemini-3.1-pro-preview", answers, takes_all).await;
        let mut talk = Talk::new(speaks);
        if speaks == Speaks::Messages {
            talk.body["thinking"] = json!({"type": "adaptive"});
        }
        talk.turn(&gateway).await;
        talk.turn(&gateway).await;
        let answer = talk.ask(&gateway).await;
        let sent = parts(&last_body(&provider));
        let signed: Vec<&str> =
            sent.iter().filter_map(|part| part["thoughtSignature"].as_str()).collect();
        assert_eq!(signed, [SIGNED, "dGV4dA=="], "{speaks:?} {sent:?}");
        let named = answer.header("x-ainfera-coercions").unwrap_or_default();
        assert!(!named.contains("signature"), "{speaks:?} {named}");
    }
}

#[actix_rt::test]
async fn a_chat_client_has_geminis_signature_where_google_puts_it_and_is_told_of_a_lost_one() {
    for (kind, kept) in [("gemini", true), ("gemini", false), ("gemini_compatible", false)] {
        let call = json!({"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}},
            "thoughtSignature": SIGNED});
        let chat_call = json!({"tool_calls": [{"index": 0, "id": "function-call-1",
            "type": "function", "function": {"name": "get_weather", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": SIGNED}}}]});
        let answers = if kind == "gemini" {
            vec![gemini_answer(&json!([call]))]
        } else {
            vec![chat_answer(&[chat_call], "tool_calls")]
        };
        let (gateway, provider) = gateway(kind, "gemini-3.1-pro-preview", answers, takes_all).await;
        let mut talk = Talk::new(if kept { Speaks::Chat } else { Speaks::PlainChat });
        let first = talk.turn(&gateway).await.json();
        let given = &first["choices"][0]["message"]["tool_calls"][0]["extra_content"];
        assert_eq!(given["google"]["thought_signature"], SIGNED, "{kind}");
        let answer = talk.turn(&gateway).await;
        let named = answer.header("x-ainfera-coercions").unwrap_or_default().to_owned();
        let placeholder = "added:skip_thought_signature_validator";
        assert_eq!(named.contains(placeholder), !kept, "{kind} {kept} {named}");
        assert_eq!(last_body(&provider).to_string().contains(SIGNED), kept, "{kind}");
    }
}

#[actix_rt::test]
async fn a_chat_client_gives_claudes_thoughts_back_byte_for_byte_and_to_no_other_vendor() {
    let events = [
        json!({"type": "message_start", "message": {"id": "m", "type": "message",
            "role": "assistant", "model": "up", "content": [], "stop_reason": null,
            "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "thinking_delta", "thinking": "The user wants weather."}}),
        json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "signature_delta", "signature": SIGNED}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "content_block_start", "index": 1, "content_block":
            {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {}}}),
        json!({"type": "content_block_delta", "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
        json!({"type": "content_block_stop", "index": 1}),
        json!({"type": "message_delta", "usage": {"output_tokens": 3},
            "delta": {"stop_reason": "tool_use", "stop_sequence": null}}),
        json!({"type": "message_stop"}),
    ];
    let answer: String = events
        .iter()
        .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap()))
        .collect();
    let (claude, provider) = gateway("anthropic", "claude-opus-4-7", vec![answer], takes_all).await;
    let mut talk = Talk::new(Speaks::Chat);
    talk.body["reasoning_effort"] = json!("high");
    talk.turn(&claude).await;
    talk.turn(&claude).await;
    let thought = json!({"type": "thinking", "thinking": "The user wants weather.",
        "signature": SIGNED});
    assert_eq!(last_body(&provider)["messages"][1]["content"][0], thought);
    for kind in ["openai", "groq", "mistral", "openai_compatible", "deepseek", "gemini_compatible"]
    {
        let (other, provider) = gateway(kind, "a-model", vec![said("Cold.")], takes_all).await;
        let answer = talk.ask(&other).await;
        let sent = last_body(&provider).to_string();
        assert!(!sent.contains(SIGNED) && !sent.contains("ainfera."), "{kind} {sent}");
        let named = answer.header("x-ainfera-coercions").unwrap_or_default();
        assert!(named.contains("messages.1.reasoning_details"), "{kind} {named}");
    }
}
