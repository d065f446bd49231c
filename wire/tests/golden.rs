//! Translations as files that a person can read: `golden/<direction>/<case>.in.*` gives `<case>.out.*`.
//!
//! One direction is one folder, one module and one test. `UPDATE_GOLDEN=1 cargo test -p ainfera-wire --test golden` writes the outputs anew; without it a
//! file that is missing, differs or belongs to no case fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "golden/anthropic_stream_to_chat.rs"]
mod anthropic_stream_to_chat;
#[path = "golden/anthropic_stream_to_responses.rs"]
mod anthropic_stream_to_responses;
#[path = "golden/anthropic_to_chat.rs"]
mod anthropic_to_chat;
#[path = "golden/anthropic_to_gemini.rs"]
mod anthropic_to_gemini;
#[path = "golden/anthropic_to_responses.rs"]
mod anthropic_to_responses;
#[path = "golden/chat_client.rs"]
mod chat_client;
#[path = "golden/chat_stream.rs"]
mod chat_stream;
#[path = "golden/chat_stream_to_chat.rs"]
mod chat_stream_to_chat;
#[path = "golden/chat_to_anthropic.rs"]
mod chat_to_anthropic;
#[path = "golden/chat_to_chat.rs"]
mod chat_to_chat;
#[path = "golden/gemini_stream.rs"]
mod gemini_stream;
#[path = "golden/responses_client.rs"]
mod responses_client;
#[path = "golden/responses_stream.rs"]
mod responses_stream;
#[path = "golden/responses_stream_to_responses.rs"]
mod responses_stream_to_responses;
#[path = "golden/responses_to_anthropic.rs"]
mod responses_to_anthropic;
#[path = "golden/responses_to_chat.rs"]
mod responses_to_chat;
#[path = "golden/responses_to_responses.rs"]
mod responses_to_responses;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ainfera_schema::{Model, ModelSlug, Network, OnDisconnect, OwnDeadlines, Provider, ProviderId, ProviderKind, StreamMode};

/// Gives every input of a direction to `translate` and compares what comes back. `endings` are those of inputs and outputs, such as `("json", "txt")`.
/// `translate` gets the case's name and its input.
pub fn compare(direction: &str, endings: (&str, &str), translate: impl Fn(&str, &[u8]) -> String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(direction);
    let (input_end, output_end) = (format!(".in.{}", endings.0), format!(".out.{}", endings.1));
    let names = |ending: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        files.filter_map(|file| file.strip_suffix(ending).map(str::to_owned)).collect()
    };
    let cases = names(&input_end);
    assert!(!cases.is_empty(), "{} has no case", folder.display());
    let mut wrong = Vec::new();
    for case in &cases {
        let file = |ending: &str| -> PathBuf { folder.join(format!("{case}{ending}")) };
        let mut translated = translate(case, &std::fs::read(file(&input_end)).unwrap());
        if !translated.ends_with('\n') {
            translated.push('\n');
        }
        let path = file(&output_end);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, translated).unwrap();
        } else {
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            if expected != translated {
                wrong.push(format!("{}\n{}", path.display(), first_difference(&expected, &translated)));
            }
        }
    }
    let strays: Vec<String> = names(&output_end).difference(&cases).cloned().collect();
    assert!(strays.is_empty(), "outputs without an input: {strays:?}");
    assert!(wrong.is_empty(), "UPDATE_GOLDEN=1 rewrites them\n{}", wrong.join("\n"));
}

fn first_difference(expected: &str, translated: &str) -> String {
    let mut lines = expected.lines().zip(translated.lines()).enumerate();
    match lines.find(|(_, (one, other))| one != other) {
        Some((at, (one, other))) => format!("  line {}\n  expected {one}\n  got      {other}", at + 1),
        None => format!("  expected {} lines, got {}", expected.lines().count(), translated.lines().count()),
    }
}

/// JSON as it stands in the files: two spaces, one member a line.
pub fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// A provider of this kind.
pub fn provider(kind: ProviderKind) -> Provider {
    Provider {
        id: ProviderId::new("vendor"),
        kind,
        base_url: "https://vendor.example".to_owned(),
        api_key: None,
        on_disconnect: OnDisconnect::Cancel,
        max_concurrent: None,
        stream_mode: StreamMode::Native,
        network: Network::default(),
        deadlines: OwnDeadlines::default(),
    }
}

/// A model of that provider, as it is called there.
pub fn model(upstream_name: &str) -> Model {
    Model {
        slug: ModelSlug::new("slug"),
        provider: ProviderId::new("vendor"),
        upstream_name: upstream_name.to_owned(),
        maker: "vendor".to_owned(),
        q_prior: None,
        price: None,
        m_allowed: None,
        supports_tools: true,
        reasoning: None,
        stream_mode: StreamMode::Native,
        context_window: None,
        max_output_tokens: None,
        expected_latency_ms: None,
        deadlines: OwnDeadlines::default(),
    }
}

/// Requests of one foreign dialect: an input names the model, its limit and the request; the output has the body and the coercions, or why it was refused.
pub fn requests_heard_by(direction: &str, kind: ProviderKind) {
    use serde_json::{Value, json};
    compare(direction, ("json", "json"), |_, input| {
        let case: Value = serde_json::from_slice(input).unwrap();
        let named = model(case["model"].as_str().unwrap_or("their-model"));
        let model = Model { max_output_tokens: case["max_output_tokens"].as_u64(), ..named };
        let body = serde_json::to_vec(&case["request"]).unwrap();
        let headers = ainfera_wire::call::ClientHeaders::default();
        let call = ainfera_wire::Call::from_messages(body.into(), headers, &|text| text.len() as u64 / 4);
        let sent = call.and_then(|call| ainfera_wire::upstream::Dialect::of(kind).request(&call, &provider(kind), &model));
        pretty(&match sent {
            Ok(request) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                json!({"url": request.url, "body": body, "coercions": request.coercions.texts()})
            }
            Err(bad) => json!({"refused": bad.to_string()}),
        })
    });
}

/// Streams of one foreign dialect: the output is an Anthropic client's frames; a stream that is no answer ends with a line that says why.
pub fn streams_of(direction: &str, kind: ProviderKind) {
    compare(direction, ("txt", "txt"), |_, input| {
        let whole = anthropic_frames(kind, &[input]);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(anthropic_frames(kind, &bytes), whole, "the same bytes one by one");
        whole
    });
}

fn anthropic_frames(kind: ProviderKind, chunks: &[&[u8]]) -> String {
    use ainfera_wire::{AnswerNames, Call, Client, ClientFrames};
    let body = br#"{"model":"ainfera-inference","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"stream":true}"#;
    let call = Call::from_messages(bytes::Bytes::from_static(body), ainfera_wire::call::ClientHeaders::default(), &|_| 7).unwrap();
    let dialect = ainfera_wire::upstream::Dialect::of(kind);
    let request = dialect.request(&call, &provider(kind), &model("their-model")).unwrap();
    let mut reader = dialect.reader(&call, &request, "slug", "seed".to_owned());
    let names = AnswerNames {
        request_id: "req_1".to_owned(),
        digits: "0123456789abcdef01234567".to_owned(),
        model: "ainfera-inference".to_owned(),
        agent_id: "agent".to_owned(),
        inference_id: "inference".to_owned(),
        receipt_id: "receipt".to_owned(),
        created_s: 1,
        estimated_input_tokens: 7,
    };
    let mut frames = ClientFrames::new(&Client::Messages, names);
    let mut events = Vec::new();
    let fed = chunks.iter().try_for_each(|chunk| reader.feed(bytes::Bytes::copy_from_slice(chunk), &mut events));
    let end = fed.and_then(|()| reader.finish(&mut events));
    let mut out = bytes::BytesMut::new();
    events.iter().for_each(|event| frames.write(event, &mut out));
    let mut text = String::from_utf8(out.to_vec()).unwrap();
    if let Err(fault) = end {
        text.push_str(&format!("fault: {fault:?}\n"));
    }
    text
}
