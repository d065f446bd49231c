//! Every fault and style as a client sees it on the wire, in both dialects.
#![allow(clippy::unwrap_used, reason = "the whole file is a test")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use ainfera_mock::frames::Markers;
use ainfera_mock::{MockSettings, MockUpstream};
use serde_json::{Value, json};

const DIALECTS: [&str; 2] = ["/v1/messages", "/openai/v1/chat/completions"];

/// What came back, and whether the connection was reset.
struct Seen {
    bytes: Vec<u8>,
    reset: bool,
}

impl Seen {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn status(&self) -> u16 {
        self.text().split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
    }

    fn body(&self) -> Vec<u8> {
        let start = self
            .bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .map_or(self.bytes.len(), |position| position + 4);
        self.bytes[start..].to_vec()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body()).unwrap()
    }

    /// The body without its chunk frames, and whether the last chunk came.
    fn stream(&self) -> (String, bool) {
        let body = self.body();
        let (mut rest, mut stream) = (&body[..], Vec::new());
        while let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(rest) {
            let size = size as usize;
            if size == 0 {
                return (String::from_utf8_lossy(&stream).into_owned(), true);
            }
            let end = rest.len().min(line + size);
            stream.extend_from_slice(&rest[line..end]);
            rest = &rest[rest.len().min(line + size + 2)..];
        }
        (String::from_utf8_lossy(&stream).into_owned(), false)
    }

    /// The data of every event that is JSON.
    fn events(&self) -> Vec<Value> {
        let stream = self.stream().0.replace("\r\n", "\n");
        let data = stream.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// Everything said as text.
    fn said(&self) -> String {
        let texts = |event: &Value| -> String {
            let delta = if event["delta"].is_object() {
                &event["delta"]["text"]
            } else {
                &event["choices"][0]["delta"]["content"]
            };
            delta.as_str().unwrap_or_default().to_owned()
        };
        self.events().iter().map(texts).collect()
    }

    fn is_complete(&self) -> bool {
        let (stream, ended) = self.stream();
        ended && (stream.contains("message_stop") || stream.contains("[DONE]"))
    }
}

async fn mock() -> MockUpstream {
    MockUpstream::start(MockSettings::default()).await.unwrap()
}

fn body(directive: &str, more: &Value) -> Value {
    let prompt = format!("hello {directive}");
    let mut body = json!({"model": "m", "max_tokens": 1000, "stream": true, "messages": [{"role": "user", "content": prompt}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn open(mock: &MockUpstream, path: &str, body: &Value) -> TcpStream {
    let mut stream = TcpStream::connect(mock.addr()).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nConnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream
}

fn read_all(mut stream: TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let reset = stream
        .read_to_end(&mut bytes)
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset);
    Seen { bytes, reset }
}

fn call(mock: &MockUpstream, path: &str, body: &Value) -> Seen {
    read_all(open(mock, path, body))
}

/// Sends `[[mock ORDERS]]` and streams.
fn streamed(mock: &MockUpstream, path: &str, directives: &str) -> Seen {
    call(mock, path, &body(&format!("[[mock {directives}]]"), &json!({})))
}

fn whole(mock: &MockUpstream, path: &str, directives: &str) -> Seen {
    call(mock, path, &body(&format!("[[mock {directives}]]"), &json!({"stream": false})))
}

/// Reads until `needle` has come.
fn read_until(stream: &mut TcpStream, needle: &str) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains(needle) {
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "ended before `{needle}`: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    text
}

#[tokio::test]
async fn both_modes_say_the_same() {
    let mock = mock().await;
    for path in DIALECTS {
        let streamed = streamed(&mock, path, "tokens=20");
        assert!(streamed.is_complete());
        let answer = whole(&mock, path, "tokens=20").json();
        let said = answer
            .pointer("/content/0/text")
            .or(answer.pointer("/choices/0/message/content"))
            .unwrap();
        assert_eq!(streamed.said(), said.as_str().unwrap());
    }
    assert_eq!(mock.stats().streams_started, 2);
    assert_eq!(mock.requests().len(), 4);
}

#[tokio::test]
async fn a_tool_round_trip() {
    let mock = mock().await;
    let tool =
        json!({"name": "get_weather", "input_schema": {"type": "object", "required": ["city"]}});
    let first =
        call(&mock, DIALECTS[0], &body("", &json!({"tools": [tool], "stream": false}))).json();
    assert_eq!(first["stop_reason"], "tool_use");
    let tool_use = first["content"].as_array().unwrap().last().unwrap().clone();
    let messages = json!([{"role": "user", "content": "weather?"}, {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": tool_use["id"], "content": "18 °C"}]}]);
    let second = call(
        &mock,
        DIALECTS[0],
        &body("", &json!({"tools": [tool], "messages": messages, "stream": false})),
    )
    .json();
    assert_eq!(second["stop_reason"], "end_turn");
    assert!(second["content"][0]["text"].as_str().unwrap().contains("18 °C"));
}

#[tokio::test]
async fn statuses_come_in_the_dialects_envelope() {
    let mock = mock().await;
    for status in [400, 401, 403, 404, 413, 429, 500, 503, 529] {
        for (path, kind) in [(DIALECTS[0], "/error/type"), (DIALECTS[1], "/error/message")] {
            for seen in [streamed, whole].map(|call| {
                call(&mock, path, &format!("fault=refuse_status status={status} retry_after=3"))
            }) {
                assert_eq!(seen.status(), status);
                assert!(seen.json().pointer(kind).unwrap().is_string());
                assert!(seen.text().contains("\r\nretry-after: 3\r\n"));
            }
        }
    }
}

#[tokio::test]
async fn connections_end_before_the_head() {
    let mock = mock().await;
    for path in DIALECTS {
        for call in [streamed, whole] {
            let seen = call(&mock, path, "fault=reset_before_head");
            assert!(seen.reset && seen.bytes.is_empty());
            let seen = call(&mock, path, "fault=close_before_head");
            assert!(!seen.reset && seen.bytes.is_empty());
        }
    }
}

#[tokio::test]
async fn hangs_end_when_the_client_leaves() {
    let mock = mock().await;
    for (path, start) in [(DIALECTS[0], "message_start"), (DIALECTS[1], "assistant")] {
        let mut stream = open(&mock, path, &body("[[mock fault=hang_at at=1]]", &json!({})));
        assert!(!read_until(&mut stream, start).contains("hello"));
        assert_eq!(mock.stats().connections_open, 1);
        drop(stream);
        mock.wait_idle().await;
    }
    assert_eq!(mock.stats().aborted, 2);
    let stream = open(&mock, DIALECTS[0], &body("[[mock fault=hang_before_head]]", &json!({})));
    stream.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(stream).bytes.is_empty());
    mock.wait_idle().await;
    assert_eq!(mock.stats().aborted, 3);
}

#[tokio::test]
async fn streams_are_cut() {
    let mock = mock().await;
    for path in DIALECTS {
        for (directives, reset) in [
            ("fault=fin_at at=4", false),
            ("fault=fin_mid_chunk at=4", false),
            ("fault=rst_at at=4", true),
        ] {
            let seen = streamed(&mock, path, directives);
            assert_eq!((seen.status(), seen.reset), (200, reset), "{directives}");
            assert!(!seen.stream().1 && !seen.is_complete(), "{directives}");
            let seen = whole(&mock, path, directives);
            assert_eq!(seen.reset, reset, "{directives}");
            assert!(serde_json::from_slice::<Value>(&seen.body()).is_err(), "{directives}");
        }
        let seen = streamed(&mock, path, "fault=fin_at at=0");
        assert_eq!((seen.status(), seen.body().len()), (200, 0));
    }
}

#[tokio::test]
async fn streams_lie() {
    let mock = mock().await;
    for path in DIALECTS {
        for directives in [
            "missing_terminator",
            "empty_stream",
            "ping_only_then_end",
            "garbage_at at=4",
            "error_event_at at=4",
        ] {
            let seen = streamed(&mock, path, &format!("fault={directives}"));
            assert!(seen.stream().1 && !seen.is_complete(), "{directives}");
        }
        let seen = streamed(&mock, path, "fault=error_event_at at=2 status=529");
        assert!(seen.events().last().unwrap()["error"]["message"].is_string());
        let good = streamed(&mock, path, "tokens=20");
        for directives in ["bad_json_at at=6", "bad_utf8_at at=6"] {
            let bad = streamed(&mock, path, &format!("tokens=20 fault={directives}"));
            assert!(bad.is_complete());
            assert_ne!(bad.said(), good.said(), "{directives}");
        }
        let raw = streamed(&mock, path, "tokens=20 fault=bad_utf8_at at=6");
        assert!(String::from_utf8(raw.bytes).is_err());
        let twice = streamed(&mock, path, "fault=duplicate_start");
        let first = twice.events()[0].clone();
        assert_eq!(twice.events().iter().filter(|event| **event == first).count(), 2);
    }
}

#[tokio::test]
async fn manners_are_legal() {
    let mock = mock().await;
    for path in DIALECTS {
        let good = streamed(&mock, path, "tokens=20");
        for directives in [
            "drip",
            "split_utf8",
            "crlf",
            "comments",
            "fault=huge_line at=6",
            "crlf comments split_utf8",
        ] {
            let seen = streamed(&mock, path, &format!("tokens=20 {directives}"));
            assert!(seen.is_complete(), "{directives}");
            assert_eq!(seen.said(), good.said(), "{directives}");
        }
        assert!(streamed(&mock, path, "fault=huge_line at=1").bytes.len() > 2 * 1024 * 1024);
        let hinted = streamed(&mock, path, "early_hints");
        assert_eq!(hinted.status(), 103);
        assert!(hinted.text().contains("HTTP/1.1 200 OK\r\n"));
    }
}

#[tokio::test]
async fn other_http_than_asked_for() {
    let mock = mock().await;
    for path in DIALECTS {
        let seen = streamed(&mock, path, "fault=redirect");
        assert!(seen.status() == 307 && seen.text().contains("location: /redirected"));
        let seen = streamed(&mock, path, "fault=wrong_content_type");
        assert!(seen.status() == 200 && seen.text().contains("content-type: text/html"));
    }
    assert_eq!(call(&mock, "/nowhere", &json!({})).status(), 404);
    assert_eq!(
        call(&mock, "/v1/messages/batches", &json!({})).json()["error"]["type"],
        "not_found_error"
    );
    assert_eq!(streamed(&mock, DIALECTS[0], "fault=no_such_fault").status(), 400);
}

#[tokio::test]
async fn a_directive_counts_and_chooses_its_model() {
    let mock = mock().await;
    let statuses: Vec<u16> =
        (0..3).map(|_| streamed(&mock, DIALECTS[0], "times=2 status=503").status()).collect();
    assert_eq!(statuses, [503, 503, 200]);
    let request = |model: &str| {
        call(
            &mock,
            DIALECTS[1],
            &body("[[mock model=broken status=500]]", &json!({"model": model})),
        )
        .status()
    };
    assert_eq!((request("broken"), request("whole")), (500, 200));
}

#[tokio::test]
async fn requests_share_a_connection_and_may_be_chunked() {
    let mock = mock().await;
    let mut stream = TcpStream::connect(mock.addr()).unwrap();
    let body = body("", &json!({})).to_string();
    let (first, second) = body.split_at(10);
    let chunked = "POST /v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    for _ in 0..3 {
        write!(
            stream,
            "{chunked}{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
            first.len(),
            second.len()
        )
        .unwrap();
        read_until(&mut stream, "message_stop\"}\n\n\r\n0\r\n\r\n");
    }
    write!(stream, "GET /stats HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let stats = read_all(stream).json();
    assert_eq!((&stats["requests"], &stats["streams_finished"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn markers_tell_when_a_frame_was_written() {
    let settings = MockSettings {
        markers: Markers::On,
        tokens: Some(3),
        delay_ms: 2,
        ..MockSettings::default()
    };
    let mock = MockUpstream::start(settings).await.unwrap();
    for path in DIALECTS {
        let said = call(&mock, path, &body("", &json!({}))).said();
        let times: Vec<u64> = said
            .split('@')
            .skip(1)
            .map(|rest| u64::from_str_radix(&rest[..16], 16).unwrap())
            .collect();
        assert_eq!(times.len(), 3);
        assert!(times.iter().all(|time| *time > 1_600_000_000_000_000_000));
        assert!(times.windows(2).all(|pair| pair[1] > pair[0]));
    }
}

#[tokio::test]
async fn dropping_the_server_ends_its_connections() {
    let mock = mock().await;
    let mut stream = open(&mock, DIALECTS[0], &body("[[mock fault=hang_at at=2]]", &json!({})));
    read_until(&mut stream, "content_block_start");
    drop(mock);
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).is_ok_and(|read| read < 200));
}

#[tokio::test]
async fn usage_can_be_silent_or_cached() {
    let mock = mock().await;
    for path in DIALECTS {
        let include = json!({"stream_options": {"include_usage": true}});
        let request = |directives: &str| {
            call(&mock, path, &body(&format!("[[mock {directives}]]"), &include)).text()
        };
        assert!(!request("usage=none").contains("_tokens\""));
        let cached = request("usage=cache");
        assert!(cached.contains("cache_read_input_tokens") || cached.contains("cached_tokens"));
    }
}
