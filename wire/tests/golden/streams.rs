//! Answers of each provider dialect as every client gets them, streamed and whole.

use ainfera_schema::ProviderKind;
use ainfera_wire::client::{AnswerNames, Call, ClientFrames, ClientHeaders, WholeAnswer};
use ainfera_wire::error::StreamFault;
use ainfera_wire::provider::Dialect;
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::comparison::{Outputs, compare};
use crate::{CLIENTS, PROVIDERS, call, model, provider};

/// What the client asked for before it got the answer: all that it can be shown.
fn asked(client: &str) -> &'static str {
    match client {
        "messages" => {
            r#"{"model":"ainfera-inference","max_tokens":50,
                "messages":[{"role":"user","content":"hi"}],"thinking":{"type":"adaptive"},
                "stream":true}"#
        }
        "chat" => {
            r#"{"model":"ainfera-inference","messages":[{"role":"user","content":"hi"}],
                "stream":true,"stream_options":{"include_usage":true}}"#
        }
        // one tool takes any text, so that its calls have to be told from the others
        "responses" => {
            r#"{"model":"ainfera-inference","input":"hi","stream":true,"tools":[
                {"type":"custom","name":"patch"},
                {"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]}"#
        }
        "gemini" => {
            r#"{"contents":[{"parts":[{"text":"hi"}]}],
                "generationConfig":{"thinkingConfig":{"includeThoughts":true}}}"#
        }
        _ => r#"{"model":"ainfera-inference","messages":[{"role":"user","content":"hi"}]}"#,
    }
}

fn answers_of(provider: &str) {
    let (_, kind) = PROVIDERS.into_iter().find(|(name, _)| *name == provider).unwrap();
    compare(&format!("streams/{provider}"), |case, input| {
        let vendors = ProviderKind::ALL.into_iter().filter(|kind| case.starts_with(kind.as_str()));
        let vendor = vendors.max_by_key(|kind| kind.as_str().len());
        let kind = match (provider, vendor) {
            ("chat", None) => ProviderKind::OpenaiCompatible,
            ("chat", Some(vendor)) => vendor,
            _ => kind,
        };
        let mut outputs = Outputs::new();
        for client in CLIENTS {
            let call = call(client, Bytes::from(asked(client)), ClientHeaders::default()).unwrap();
            let answer = Answer::read(kind, &call, &[input]);
            for pieces in splits(case, input) {
                let again = Answer::read(kind, &call, &pieces);
                assert_eq!(again, answer, "{case} to {client} in other pieces");
            }
            if client == "chat" {
                says_no_usage(kind, input);
            }
            // a flat answer is never streamed
            if client != "inference" {
                outputs.insert(format!("to.{client}.out.txt"), answer.streamed());
            }
            outputs.insert(format!("to.{client}.whole.json"), answer.whole());
        }
        outputs
    });
}

/// A client of Chat Completions that does not ask for usage is told none.
fn says_no_usage(kind: ProviderKind, input: &[u8]) {
    let asked = asked("chat").replace("\"include_usage\":true", "\"include_usage\":false");
    let call = call("chat", Bytes::from(asked), ClientHeaders::default()).unwrap();
    let frames = Answer::read(kind, &call, &[input]).frames;
    for chunk in frames.lines().filter_map(|line| line.strip_prefix("data: {")) {
        let chunk: Value = serde_json::from_str(&format!("{{{chunk}")).unwrap();
        assert!(chunk.get("usage").is_none(), "{chunk}");
    }
}

/// The same bytes one by one, then in pieces of lengths that only the case decides.
fn splits<'a>(case: &str, input: &'a [u8]) -> Vec<Vec<&'a [u8]>> {
    let mut seed = case.bytes().fold(1, next);
    let mut splits = vec![input.chunks(1).collect()];
    for longest in [7, 50, 400] {
        let (mut rest, mut pieces) = (input, Vec::new());
        while !rest.is_empty() {
            seed = next(seed, 1);
            let length = 1 + (seed >> 33) as usize % longest;
            let (piece, later) = rest.split_at(length.min(rest.len()));
            pieces.push(piece);
            rest = later;
        }
        splits.push(pieces);
    }
    splits
}

/// Knuth's linear congruential generator.
fn next(seed: u64, step: u8) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step.into())
}

#[derive(Debug, PartialEq)]
struct Answer {
    frames: String,
    whole: Value,
    end: Result<(), StreamFault>,
}

impl Answer {
    fn read(kind: ProviderKind, call: &Call, pieces: &[&[u8]]) -> Self {
        let dialect = Dialect::of(kind);
        let request = dialect.request(call, &provider(kind), &model("their-model", None)).unwrap();
        let mut reader = dialect.reader(call, &request, "slug", "seed".to_owned());
        let mut events = Vec::new();
        let mut feed = |piece: &&[u8]| reader.feed(Bytes::copy_from_slice(piece), &mut events);
        let fed = pieces.iter().try_for_each(&mut feed);
        let end = fed.and_then(|()| reader.finish(&mut events));
        let mut frames = ClientFrames::new(&call.client, names());
        let mut whole = WholeAnswer::of(&call.client);
        let mut out = BytesMut::new();
        for event in &events {
            frames.write_recorded(event, &mut out, &mut |name, data| whole.add(name, data));
        }
        let whole = serde_json::from_slice(&whole.into_json()).unwrap();
        Self { frames: String::from_utf8(out.to_vec()).unwrap(), whole, end }
    }

    fn streamed(&self) -> String {
        match &self.end {
            Ok(()) => self.frames.clone(),
            Err(fault) => format!("{}fault: {fault:?}", self.frames),
        }
    }

    /// Who gets the answer at once gets none of one that failed.
    fn whole(&self) -> String {
        let fault = self.end.as_ref().err().map(|fault| json!({"fault": format!("{fault:?}")}));
        serde_json::to_string_pretty(&fault.unwrap_or_else(|| self.whole.clone())).unwrap()
    }
}

fn names() -> AnswerNames {
    AnswerNames {
        request_id: "req_1".to_owned(),
        digits: "0123456789abcdef01234567".to_owned(),
        model: "ainfera-inference".to_owned(),
        agent_id: "agent".to_owned(),
        inference_id: "inference".to_owned(),
        receipt_id: "receipt".to_owned(),
        created_s: 1,
        estimated_input_tokens: 7,
        coercions: Default::default(),
    }
}

#[test]
fn answers_of_anthropic_providers() {
    answers_of("anthropic");
}

#[test]
fn answers_of_chat_providers() {
    answers_of("chat");
}

#[test]
fn answers_of_responses_providers() {
    answers_of("responses");
}

#[test]
fn answers_of_gemini_providers() {
    answers_of("gemini");
}
