//! Streams as vendors of the Chat Completions dialect were seen to write them, and what an Anthropic client hears of each.
//!
//! A case named after a vendor is read as that vendor's. An output is the client's frames; a stream that is no answer ends with a line that says why.

use ainfera_schema::ProviderKind;
use ainfera_wire::call::ClientHeaders;
use ainfera_wire::upstream::Dialect;
use ainfera_wire::{AnswerNames, Call, Client, ClientFrames};
use bytes::{Bytes, BytesMut};

#[test]
fn chat_streams_as_an_anthropic_client_hears_them() {
    super::compare("chat_stream", ("txt", "txt"), |case, input| {
        let whole = heard(case, &[input]);
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        assert_eq!(heard(case, &bytes), whole, "the same bytes one by one");
        whole
    });
}

fn heard(case: &str, chunks: &[&[u8]]) -> String {
    let body = br#"{"model":"ainfera-inference","max_tokens":50,"messages":[{"role":"user","content":"hi"}],"thinking":{"type":"adaptive"},"stream":true}"#;
    let call = Call::from_messages(Bytes::from_static(body), ClientHeaders::default(), &|_| 7).unwrap();
    let named = ProviderKind::ALL.into_iter().filter(|kind| case.starts_with(kind.as_str()));
    let kind = named.max_by_key(|kind| kind.as_str().len()).unwrap_or(ProviderKind::OpenaiCompatible);
    let dialect = Dialect::of(kind);
    let request = dialect.request(&call, &super::provider(kind), &super::model("their-model")).unwrap();
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
    let fed = chunks.iter().try_for_each(|chunk| reader.feed(Bytes::copy_from_slice(chunk), &mut events));
    let end = fed.and_then(|()| reader.finish(&mut events));
    let mut out = BytesMut::new();
    events.iter().for_each(|event| frames.write(event, &mut out));
    let mut text = String::from_utf8(out.to_vec()).unwrap();
    if let Err(fault) = end {
        text.push_str(&format!("fault: {fault:?}\n"));
    }
    text
}
