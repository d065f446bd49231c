//! What all directions from and to a Responses client have in common.

use ainfera_schema::ProviderKind;
use ainfera_wire::call::ClientHeaders;
use ainfera_wire::upstream::Dialect;
use ainfera_wire::{AnswerNames, Call, ClientFrames, WholeAnswer};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::{compare, model, pretty, provider};

/// The client offers one tool that takes any text, so that its calls have to be told from the others.
const ASKED: &str = r#"{"model":"ainfera-inference","input":"hi","stream":true,"tools":[{"type":"custom","name":"patch"},
    {"type":"function","name":"look","parameters":{"type":"object","properties":{}}}]}"#;

/// An input is the request, the output the body that the provider gets and the coercions, or why it was refused.
pub fn requests(direction: &str, kind: ProviderKind) {
    compare(direction, ("json", "json"), |_, input| {
        let dialect = Dialect::of(kind);
        let call = Call::from_responses(Bytes::copy_from_slice(input), ClientHeaders::default(), &|text| text.len() as u64 / 4);
        let call = call.and_then(|call| match &call.native_only {
            Some(bad) if !dialect.is_native_to(call.client.dialect()) => Err(bad.clone()),
            _ => Ok(call),
        });
        pretty(&match call.and_then(|call| dialect.request(&call, &provider(kind), &model("their-model"))) {
            Ok(request) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                json!({"body": body, "coercions": request.coercions.texts()})
            }
            Err(bad) => json!({"refused": bad.to_string()}),
        })
    });
}

/// The output is what a client hears, then the same answer whole; a stream that is no answer ends with a line that says why.
pub fn streams(direction: &str, kind: ProviderKind) {
    compare(direction, ("txt", "txt"), |_, input| {
        let at_once = heard(kind, &[input]);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(heard(kind, &bytes), at_once, "the same bytes one by one");
        at_once
    });
}

fn heard(kind: ProviderKind, chunks: &[&[u8]]) -> String {
    let call = Call::from_responses(Bytes::from_static(ASKED.as_bytes()), ClientHeaders::default(), &|_| 7).unwrap();
    let dialect = Dialect::of(kind);
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
    let mut frames = ClientFrames::new(&call.client, names);
    let mut whole = WholeAnswer::of(&call.client);
    let mut events = Vec::new();
    let fed = chunks.iter().try_for_each(|chunk| reader.feed(Bytes::copy_from_slice(chunk), &mut events));
    let end = fed.and_then(|()| reader.finish(&mut events));
    let mut out = BytesMut::new();
    events.iter().for_each(|event| frames.write_recorded(event, &mut out, &mut |name, data| whole.add(name, data)));
    let mut text = String::from_utf8(out.to_vec()).unwrap();
    match end {
        Ok(()) => {
            let whole: Value = serde_json::from_slice(&whole.into_json()).unwrap();
            text.push_str(&format!("whole: {}", pretty(&whole)));
        }
        Err(fault) => text.push_str(&format!("fault: {fault:?}")),
    }
    text
}
