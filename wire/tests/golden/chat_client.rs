//! What all directions from and to a Chat Completions client have in common.

use ainfera_schema::{Model, ProviderKind};
use ainfera_wire::call::ClientHeaders;
use ainfera_wire::upstream::Dialect;
use ainfera_wire::{AnswerNames, Call, ClientFrames, WholeAnswer};
use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use crate::{compare, model, pretty, provider};

/// An input names the model, its limit and the request; the output has the body and the coercions, or why it was refused.
pub fn requests(direction: &str, kind: ProviderKind) {
    compare(direction, ("json", "json"), |_, input| {
        let case: Value = serde_json::from_slice(input).unwrap();
        let named = model(case["model"].as_str().unwrap_or("their-model"));
        let model = Model { max_output_tokens: case["max_output_tokens"].as_u64(), ..named };
        let kind = case["vendor"].as_str().map_or(kind, |vendor| serde_json::from_value(json!(vendor)).unwrap());
        let dialect = Dialect::of(kind);
        let body = serde_json::to_vec(&case["request"]).unwrap();
        let call = Call::from_chat(body.into(), ClientHeaders::default(), &|text| text.len() as u64 / 4);
        let call = call.and_then(|call| match &call.native_only {
            Some(bad) if !dialect.is_native_to(call.client.dialect()) => Err(bad.clone()),
            _ => Ok(call),
        });
        pretty(&match call.and_then(|call| dialect.request(&call, &provider(kind), &model)) {
            Ok(request) => {
                let body: Value = serde_json::from_slice(&request.body).unwrap();
                json!({"body": body, "coercions": request.coercions.texts()})
            }
            Err(bad) => json!({"refused": bad.to_string()}),
        })
    });
}

/// The output is what a client hears that asked for usage, then the same answer whole; a stream that is no answer ends with a line that says why.
pub fn streams(direction: &str, kind: ProviderKind) {
    compare(direction, ("txt", "txt"), |_, input| {
        let at_once = heard(kind, &[input], "true");
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(heard(kind, &bytes, "true"), at_once, "the same bytes one by one");
        let without_usage = heard(kind, &[input], "false");
        let chunks = without_usage.lines().filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok());
        assert!(chunks.into_iter().all(|chunk| chunk.get("usage").is_none()), "{without_usage}");
        at_once
    });
}

fn heard(kind: ProviderKind, chunks: &[&[u8]], include_usage: &str) -> String {
    let body = format!(
        r#"{{"model":"ainfera-inference","messages":[{{"role":"user","content":"hi"}}],"stream":true,"stream_options":{{"include_usage":{include_usage}}}}}"#
    );
    let call = Call::from_chat(Bytes::from(body), ClientHeaders::default(), &|_| 7).unwrap();
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
