//! Providers and models that cannot stream: they are asked for a whole answer, and the client hears
//! a stream all the same.

use serde_json::{Value, json};

use crate::support::database::Database;
use crate::support::gateway::{message_of, routed, streamed, with_tools};
use crate::support::{Answer, Gateway, GatewayPlan};

/// Every dialect twice: as a provider that cannot stream, and as one that can.
fn tables() -> String {
    let mut tables = String::new();
    for kind in ["anthropic", "openai_compatible", "openai_responses", "gemini"] {
        for (prefix, streams) in [("whole", "streams = false\n"), ("live", "")] {
            tables.push_str(&format!(
                "[[providers]]\nid = \"{prefix}-{kind}\"\nkind = \"{kind}\"\nbase_url = \"MOCK\"\n{streams}\
                 [[models]]\nslug = \"{prefix}-{kind}\"\nprovider = \"{prefix}-{kind}\"\nupstream_name = \"their-model\"\n\
                 price = {{ input = \"1\", output = \"2\" }}\n"
            ));
        }
    }
    tables.push_str(
        "[[models]]\nslug = \"whole-model\"\nprovider = \"live-anthropic\"\nstreams = false\nprice = { input = \"1\", output = \"2\" }\n",
    );
    tables
}

async fn gateway(deadlines: &str) -> Gateway {
    let plan = GatewayPlan {
        more_tables: tables(),
        deadlines: deadlines.to_owned(),
        ..GatewayPlan::default()
    };
    Gateway::with(plan, Database::sqlite()).await
}

fn pinned(model: &str, prompt: &str) -> Value {
    let mut body = with_tools(routed(prompt));
    body["model"] = json!(model);
    body
}

fn mode(answer: &Answer) -> &str {
    answer.header("x-ainfera-stream-mode").unwrap()
}

fn without_ids(mut message: Value) -> Value {
    if let Some(members) = message.as_object_mut() {
        // a stream of this dialect has no place for it
        members.remove("ainfera");
    }
    message["id"] = Value::Null;
    message["model"] = Value::Null;
    for block in message["content"].as_array_mut().unwrap() {
        for member in ["id", "signature"] {
            if block.get(member).is_some() {
                block[member] = Value::Null;
            }
        }
    }
    message
}

const KINDS: [&str; 4] = ["anthropic", "openai_compatible", "openai_responses", "gemini"];
const SCRIPTS: [&str; 6] = [
    "[[mock tools=0 tokens=12]]",
    "[[mock tools=2]]",
    "[[mock tools=2 text=none]]",
    "[[mock thinking=3 tools=0 tokens=5]]",
    "[[mock usage=cache tools=0 tokens=5]]",
    "[[mock tools=0 tokens=500]]",
];

#[actix_rt::test]
async fn every_script_is_the_same_answer_in_one_delta_for_each_block() {
    let gateway = gateway("").await;
    for kind in KINDS {
        for script in SCRIPTS {
            let whole = gateway.call(&streamed(pinned(&format!("whole-{kind}"), script))).await;
            let live = gateway.call(&streamed(pinned(&format!("live-{kind}"), script))).await;
            assert_eq!((mode(&whole), mode(&live)), ("wrapped", "native"), "{kind} {script}");
            assert_eq!(
                without_ids(message_of(&whole)),
                without_ids(message_of(&live)),
                "{kind} {script}"
            );
            let unstreamed = gateway.call(&pinned(&format!("whole-{kind}"), script)).await;
            assert_eq!(
                without_ids(unstreamed.json()),
                without_ids(message_of(&whole)),
                "{kind} {script}"
            );
            let text = whole.text();
            for delta in ["text_delta", "thinking_delta", "message_delta"] {
                assert!(
                    text.matches(&format!("\"{delta}\"")).count() <= 2,
                    "{kind} {script} {delta}: {text}"
                );
                let said = text
                    .lines()
                    .filter(|line| {
                        line.starts_with("data:") && line.contains(&format!("\"type\":\"{delta}\""))
                    })
                    .count();
                assert!(said <= 1, "{kind} {script} {delta}: {text}");
            }
        }
    }
    for request in gateway.mock.requests() {
        let says = request.body["stream"] == true
            || request.path.contains(":streamGenerateContent?alt=sse");
        let names_it = request.body.get("stream_options").is_some();
        assert_eq!(
            says,
            request
                .headers
                .iter()
                .any(|(name, value)| name == "accept" && value == "text/event-stream"),
            "{}",
            request.path
        );
        assert!(says || !names_it, "options of a stream without one");
    }
}

#[actix_rt::test]
async fn one_model_of_a_provider_may_be_the_one_that_cannot() {
    let gateway = gateway("").await;
    let answer = gateway.call(&streamed(pinned("whole-model", "[[mock tools=1]]"))).await;
    assert_eq!(mode(&answer), "wrapped");
    assert_eq!(message_of(&answer)["stop_reason"], "tool_use");
    assert_eq!(gateway.mock.requests()[0].body["stream"], false);
}

#[actix_rt::test]
async fn an_answer_that_comes_whole_although_a_stream_was_asked_for_is_an_answer() {
    let gateway = gateway("").await;
    for kind in KINDS {
        let model = format!("live-{kind}");
        let answer = gateway.call(&streamed(pinned(&model, "[[mock unstreamed tools=1]]"))).await;
        assert_eq!(mode(&answer), "wrapped", "{kind}");
        assert_eq!(message_of(&answer)["stop_reason"], "tool_use", "{kind}");
        // an error in its place, or half of one, is none
        for (fault, statuses) in [
            ("error_event_at", [529, 502]),
            ("bad_json_at", [502, 502]),
            ("empty_stream", [502, 502]),
            ("fin_at", [502, 502]),
        ] {
            let answer = gateway
                .call(&streamed(pinned(
                    &model,
                    &format!("[[mock unstreamed tools=0 tokens=3 fault={fault}]]"),
                )))
                .await;
            assert!(
                statuses.contains(&answer.status),
                "{kind} {fault}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[actix_rt::test]
async fn the_deadline_for_a_first_event_is_not_that_of_a_whole_answer() {
    let slow = "[[mock tools=0 tokens=2 content_ms=900]]";
    let patient = gateway("first_event = \"300ms\"\nhold = \"100ms\"\nping = \"200ms\"\n").await;
    for kind in KINDS {
        let answer = patient.call(&streamed(pinned(&format!("whole-{kind}"), slow))).await;
        assert_eq!(
            (message_of(&answer)["stop_reason"].as_str(), mode(&answer)),
            (Some("end_turn"), "wrapped"),
            "{kind}"
        );
        assert!(
            answer.text().contains("event: ping"),
            "the client heard nothing for long: {}",
            answer.text()
        );
    }
    let hasty = gateway("whole_answer = \"300ms\"\n").await;
    let answer = hasty.call(&streamed(pinned("whole-gemini", slow))).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert!(answer.error().1.contains("whole_answer"), "{}", answer.text());
}

#[actix_rt::test]
async fn a_client_of_the_providers_own_dialect_hears_it_as_a_stream_of_it() {
    let gateway = gateway("").await;
    let body =
        json!({"model": "whole-openai_responses", "input": "[[mock tokens=6]]", "stream": true});
    let answer = gateway.call_at("/v1/responses", &body, &[]).await;
    assert_eq!(mode(&answer), "wrapped");
    let events: Vec<Value> = answer
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let deltas: Vec<&Value> =
        events.iter().filter(|event| event["type"] == "response.output_text.delta").collect();
    assert_eq!(
        (deltas.len(), deltas[0]["delta"].as_str()),
        (1, Some("Paris is sunny: 23 °C, light wind; "))
    );
    let last = events.last().unwrap();
    assert_eq!(
        (last["type"].as_str(), last["response"]["model"].as_str()),
        (Some("response.completed"), Some("whole-openai_responses"))
    );
    let body = json!({"model": "whole-openai_compatible", "messages": [{"role": "user", "content": "[[mock tokens=6]]"}], "stream": true});
    let answer = gateway.call_at("/v1/chat/completions", &body, &[]).await;
    assert_eq!(mode(&answer), "wrapped");
    let text = answer.text();
    let said = text
        .lines()
        .filter(|line| line.contains("\"content\":\"Paris is sunny: 23 °C, light wind; \""))
        .count();
    assert!(said == 1 && text.trim_end().ends_with("data: [DONE]"), "{text}");
}

#[actix_rt::test]
async fn a_replayed_answer_names_the_stream_mode_of_the_first() {
    for database in Database::both().await {
        let plan = GatewayPlan { more_tables: tables(), ..GatewayPlan::default() };
        let gateway = Gateway::with(plan, database).await;
        for (model, expected) in [("whole-anthropic", "wrapped"), ("live-anthropic", "native")] {
            let body = streamed(pinned(model, "[[mock tools=0 tokens=3]]"));
            let key = [("idempotency-key", model)];
            let first = gateway.call_with(&body, &key).await;
            assert_eq!((first.status, mode(&first)), (200, expected), "{model}");
            gateway.settled().await;
            let second = gateway.call_with(&body, &key).await;
            assert_eq!(second.header("idempotent-replayed"), Some("true"), "{model}");
            assert_eq!(mode(&second), expected, "{model}");
        }
    }
}
