//! Tools that the client runs, from every client dialect through every kind of provider: the
//! provider hears names that it takes, and each call comes back as the client declared its tool.

use serde_json::{Value, json};

use crate::responses_client::{self as responses, WAYS};
use crate::support::gateway::streamed;
use crate::support::reading::{completion_of, response_of};
use crate::support::{Answer, Gateway};

/// The ways to providers of other dialects than this client's.
fn foreign() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    WAYS.into_iter().filter(|(kind, _, _)| *kind != responses::NATIVE)
}

fn asked(floor: &str, prompt: &str, tools: Value) -> Value {
    let body = responses::routed(floor, prompt);
    responses::with(body, "tools", tools)
}

fn function(name: &str) -> Value {
    json!({"type": "function", "name": name, "description": "d", "strict": false,
        "parameters": {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}})
}

/// The items of a kind of an answer, which stands streamed and whole.
fn items<'r>(response: &'r Value, kind: &str) -> Vec<&'r Value> {
    let all = response["output"].as_array().unwrap_or_else(|| panic!("{response}"));
    all.iter().filter(|item| item["type"] == kind).collect()
}

async fn mocked(gateway: &Gateway) -> Value {
    gateway.mock.requests().last().unwrap().body.clone()
}

#[actix_rt::test]
async fn functions_in_namespaces_reach_every_provider_and_come_back_with_their_namespace() {
    let gateway = responses::gateway().await;
    let namespace = |name: &str| json!({"type": "namespace", "name": name, "description": "n", "tools": [function("create_event")]});
    let tools = json!([function("plain"), namespace("mcp__calendar__"), namespace("crm")]);
    for (kind, _, floor) in foreign() {
        for response in
            responses::both(&gateway, &asked(floor, "[[mock tools=3]]", tools.clone())).await
        {
            let calls = items(&response, "function_call");
            let named: Vec<(&Value, &Value)> =
                calls.iter().map(|call| (&call["name"], &call["namespace"])).collect();
            let create = json!("create_event");
            assert_eq!(
                named,
                [
                    (&json!("plain"), &Value::Null),
                    (&create, &json!("mcp__calendar__")),
                    (&create, &json!("crm"))
                ],
                "{kind}: {response}"
            );
        }
        let sent = mocked(&gateway).await.to_string();
        for name in ["mcp__calendar__create_event", "crm__create_event"] {
            assert!(sent.contains(&format!("\"{name}\"")), "{kind}: {sent}");
        }
    }
}

#[actix_rt::test]
async fn calls_of_tools_with_types_of_their_own_come_back_as_items_of_these_types() {
    let gateway = responses::gateway().await;
    let tools = json!([{"type": "shell", "environment": {"type": "local"}}, {"type": "apply_patch"},
        {"type": "local_shell"}, {"type": "computer"},
        {"type": "tool_search", "execution": "client", "description": "find", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}]);
    for (kind, _, floor) in foreign() {
        for (name, arguments, item, member, expected) in [
            (
                "shell",
                r#"{"commands":["ls"]}"#,
                "shell_call",
                "action",
                json!({"commands": ["ls"], "timeout_ms": null, "max_output_length": null}),
            ),
            (
                "local_shell",
                r#"{"command":["ls","-l"]}"#,
                "local_shell_call",
                "action",
                json!({"type": "exec", "command": ["ls", "-l"], "env": {}}),
            ),
            (
                "apply_patch",
                r#"{"type":"create_file","path":"a","diff":"+b"}"#,
                "apply_patch_call",
                "operation",
                json!({"type": "create_file", "path": "a", "diff": "+b"}),
            ),
            (
                "computer",
                r#"{"actions":[{"type":"screenshot"}]}"#,
                "computer_call",
                "actions",
                json!([{"type": "screenshot"}]),
            ),
            (
                "tool_search",
                r#"{"query":"mail"}"#,
                "tool_search_call",
                "arguments",
                json!({"query": "mail"}),
            ),
        ] {
            let prompt = format!("[[mock call={name} arguments={arguments}]]");
            for response in responses::both(&gateway, &asked(floor, &prompt, tools.clone())).await {
                let calls = items(&response, item);
                assert_eq!(calls.len(), 1, "{kind} {name}: {response}");
                assert_eq!(calls[0][member], expected, "{kind} {name}");
                assert_eq!(calls[0]["status"], "completed");
                let output = output_of(name, calls[0]["call_id"].as_str().unwrap());
                let turn = json!([{"role": "user", "content": "go"}, calls[0], output]);
                let next = responses::with(responses::routed(floor, turn), "tools", tools.clone());
                let answer = responses::ask(&gateway, &next).await;
                assert_eq!(answer.status, 200, "{kind} {name}: {}", answer.text());
                let sent = mocked(&gateway).await.to_string();
                assert_eq!(sent.contains("send_mail"), name == "tool_search", "{sent}");
            }
        }
    }
}

/// What the client gives back for such a call.
fn output_of(name: &str, id: &str) -> Value {
    match name {
        "shell" => {
            json!({"type": "shell_call_output", "call_id": id, "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]})
        }
        "local_shell" => {
            json!({"type": "local_shell_call_output", "id": id, "output": "a"})
        }
        "apply_patch" => {
            json!({"type": "apply_patch_call_output", "call_id": id, "status": "completed"})
        }
        "computer" => {
            json!({"type": "computer_call_output", "call_id": id, "output": {"type": "computer_screenshot", "image_url": "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="}})
        }
        _ => {
            json!({"type": "tool_search_output", "call_id": id, "execution": "client", "status": "completed", "tools": [function("send_mail")]})
        }
    }
}

/// Names that not every provider takes.
fn odd_names() -> Vec<String> {
    let long = "n".repeat(70);
    let mut names: Vec<String> =
        ["fs.read_file", "fs/read_file", "ns:tool", "погода", "1password", "plain"]
            .map(str::to_owned)
            .to_vec();
    names.extend([long.clone(), format!("{long}n"), "m".repeat(140)]);
    names
}

#[actix_rt::test]
async fn every_name_comes_back_to_every_client_and_no_provider_refuses_one() {
    let gateway = responses::gateway().await;
    let names = odd_names();
    let count = names.len();
    let prompt = format!("[[mock tools={count}]]");
    let schema = json!({"type": "object", "properties": {}});
    for (kind, _, floor) in WAYS {
        let hint = json!({"min_quality": floor});
        let messages: Vec<Value> =
            names.iter().map(|name| json!({"name": name, "input_schema": schema})).collect();
        let chat: Vec<Value> = names.iter().map(|name| json!({"type": "function", "function": {"name": name, "parameters": schema}})).collect();
        let flat: Vec<Value> = names.iter().map(|name| json!({"type": "function", "name": name, "parameters": schema, "strict": false})).collect();
        let said = json!([{"role": "user", "content": prompt}]);
        for (path, body) in [
            (
                "/v1/messages",
                json!({"model": "ainfera-inference", "max_tokens": 500, "messages": said, "tools": messages, "routing_hint": hint}),
            ),
            (
                "/v1/chat/completions",
                json!({"model": "ainfera-inference", "messages": said, "tools": chat, "routing_hint": hint}),
            ),
            (
                "/v1/responses",
                json!({"model": "ainfera-inference", "input": said, "tools": flat, "routing_hint": hint}),
            ),
        ] {
            let whole = gateway.call_at(path, &body, &[]).await;
            assert_eq!(whole.status, 200, "{kind} {path}: {}", whole.text());
            assert_eq!(called(path, &whole.json()), names, "{kind} {path}");
            let stream = gateway.call_at(path, &streamed(body), &[]).await;
            assert_eq!(called(path, &of_stream(path, &stream)), names, "{kind} {path} streamed");
        }
    }
}

fn of_stream(path: &str, answer: &Answer) -> Value {
    match path {
        "/v1/messages" => crate::support::gateway::message_of(answer),
        "/v1/chat/completions" => completion_of(answer),
        _ => response_of(answer),
    }
}

/// The names of the calls of an answer.
fn called(path: &str, answer: &Value) -> Vec<String> {
    let (list, kind, name) = match path {
        "/v1/messages" => (&answer["content"], "tool_use", "/name"),
        "/v1/chat/completions" => {
            let message = answer.pointer("/choices/0/message").unwrap_or(&answer["message"]);
            (&message["tool_calls"], "function", "/function/name")
        }
        _ => (&answer["output"], "function_call", "/name"),
    };
    let calls = list.as_array().unwrap_or_else(|| panic!("{answer}"));
    let calls = calls.iter().filter(|call| call["type"] == kind);
    calls.map(|call| call.pointer(name).unwrap().as_str().unwrap().to_owned()).collect()
}

#[actix_rt::test]
async fn what_only_one_dialect_can_say_goes_to_a_model_that_speaks_it() {
    let gateway = responses::gateway().await;
    let history = json!([{"role": "user", "content": "news?"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "news"}},
        {"role": "assistant", "content": [{"type": "output_text", "text": "None."}]},
        {"role": "user", "content": "sure?"}]);
    let body = responses::routed("0.5", history);
    let answer = responses::ask(&gateway, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(mocked(&gateway).await["model"], "up-of-responses", "though others are cheaper");
    let candidates =
        "select count(*) from routing_outcomes where candidates like '%other_dialect%'";
    gateway.settled().await;
    assert_eq!(gateway.database.number(candidates).await, 1);
    let before = gateway.mock.requests().len();
    for model in ["mistral-large-3", "of-gemini"] {
        let pinned = responses::with(body.clone(), "model", json!(model));
        let refused = responses::ask(&gateway, &pinned).await;
        let (_, _, message) = responses::error_of(&refused);
        assert_eq!(refused.status, 400, "{model}");
        assert!(message.starts_with("input.1.type: "), "{message}");
    }
    // above the floor there is no other model of this dialect
    let alone = responses::with(body, "routing_hint", json!({"min_quality": "0.98"}));
    let refused = responses::ask(&gateway, &alone).await;
    let (_, _, message) = responses::error_of(&refused);
    assert_eq!((refused.status, message.starts_with("input.1.type: ")), (400, true), "{message}");
    assert_eq!(gateway.mock.requests().len(), before, "no provider heard of these");
}

#[actix_rt::test]
async fn tools_that_anthropic_defines_are_functions_unless_it_runs_them() {
    let gateway = responses::gateway().await;
    let tools =
        json!([{"type": "bash_20250124", "name": "bash"}, {"type": "computer_toolset_20260801"}]);
    for (kind, _, floor) in WAYS.into_iter().filter(|(kind, _, _)| *kind != "anthropic") {
        let ask = |call: &str, tools: &Value| {
            json!({"model": "ainfera-inference", "max_tokens": 500, "tools": tools, "routing_hint": {"min_quality": floor},
                "messages": [{"role": "user", "content": format!("[[mock call={call}]]")}]})
        };
        let bash = gateway.call(&ask("bash", &tools)).await;
        assert_eq!(bash.status, 200, "{kind}: {}", bash.text());
        assert_eq!(called("/v1/messages", &bash.json()), ["bash"], "{kind}");
        let click = gateway.call(&streamed(ask("computer_screenshot", &tools))).await;
        let message = crate::support::gateway::message_of(&click);
        let call = &message["content"]
            .as_array()
            .unwrap()
            .iter()
            .find(|block| block["type"] == "tool_use")
            .unwrap();
        assert_eq!(
            (&call["name"], &call["toolset_name"]),
            (&json!("screenshot"), &json!("computer")),
            "{kind}"
        );
    }
    let mut search = json!({"model": "gpt-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}]});
    let refused = gateway.call(&search).await;
    assert_eq!(refused.status, 422);
    assert!(refused.error().1.contains("tools.1.type"), "{}", refused.error().1);
    search["model"] = json!("ainfera-inference");
    assert_eq!(gateway.call(&search).await.status, 200);
    assert_eq!(
        mocked(&gateway).await["model"],
        "up-gemini-3-1-pro",
        "the cheapest at Anthropic's API"
    );
    let fetched = json!({"model": "gpt-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}]}]});
    let refused = gateway.call(&fetched).await;
    assert_eq!(refused.status, 400);
    assert!(refused.error().1.starts_with("messages.1.content.0.type: "), "{}", refused.error().1);
}
