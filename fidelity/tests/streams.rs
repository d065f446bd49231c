//! Random answers, said as each provider says them, cut anywhere and read in any pieces, as each
//! client hears them.
//!
//! What comes whole is heard whole. What is cut is never heard as an answer that ended, unless
//! everything but its last words had come. No client has anything to complain of: indexes are
//! dense, one block is open at a time, nothing follows the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "streams/anthropic.rs"]
mod anthropic;
#[path = "streams/chat.rs"]
mod chat;
#[path = "streams/gemini.rs"]
mod gemini;
#[path = "streams/responses.rs"]
mod responses;
#[path = "streams/said.rs"]
mod said;

use ainfera_fidelity::accumulate::{self, Understood};
use ainfera_fidelity::answer::{Answer, Ending};
use ainfera_fidelity::compare::differences;
use ainfera_fidelity::provider::Upstream;
use ainfera_fidelity::{caller, replay};
use ainfera_schema::ProviderKind;
use ainfera_wire::event::Block;
use ainfera_wire::{
    Call, ClientDialect, ClientError, ClientFrames, Delta, ProviderEvent, StreamEvent, WholeAnswer,
};
use bytes::BytesMut;
use proptest::prelude::*;
use said::{Said, Spoken, spoken};

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes through the wire crate, and what the client made of them.
fn heard(
    call: &Call,
    upstream: &Upstream,
    bytes: &[u8],
    reads: replay::Reads,
) -> (Understood, serde_json::Value) {
    let request = upstream.request(call).unwrap();
    let passed = replay::pass(call, upstream, &request, bytes, reads);
    (replay::understood_by(call.client.dialect(), &passed), passed.whole)
}

fn through_every_client(
    kind: ProviderKind,
    bytes: &[u8],
    spoken: &Spoken,
    cut: usize,
    size: usize,
) -> Result<(), TestCaseError> {
    let upstream = Upstream::of(kind);
    let expected = spoken.answer();
    for dialect in caller::DIALECTS {
        let call = caller::call(dialect).unwrap();
        let (understood, whole) = heard(&call, &upstream, bytes, replay::Reads::OfBytes(size));
        let text = || format!("{dialect:?} of {}", String::from_utf8_lossy(bytes));
        prop_assert_eq!(&understood.complaints, &Vec::<String>::new(), "{}", text());
        prop_assert_eq!(
            differences(&expected, &understood.answer, dialect),
            Vec::<String>::new(),
            "{}",
            text()
        );
        if dialect == ClientDialect::Messages {
            prop_assert_eq!(&understood.answer.reasoning, &expected.reasoning, "{}", text());
        }
        prop_assert_eq!(&accumulate::whole(dialect, &whole), &understood.answer, "{}", text());

        let (understood, _) = heard(&call, &upstream, &bytes[..cut], replay::Reads::OfBytes(size));
        let text = || format!("{dialect:?} of {}", String::from_utf8_lossy(&bytes[..cut]));
        prop_assert_eq!(&understood.complaints, &Vec::<String>::new(), "{}", text());
        match &understood.answer.ending {
            Ending::Failed(_) => {
                prop_assert!(expected.text.starts_with(&understood.answer.text), "{}", text())
            }
            Ending::Stopped(_) => {
                let content = |answer: &Answer| {
                    (
                        answer.text.clone(),
                        answer
                            .calls
                            .iter()
                            .map(|call| (call.name.clone(), call.arguments.clone()))
                            .collect::<Vec<_>>(),
                    )
                };
                prop_assert_eq!(content(&understood.answer), content(&expected), "{}", text());
            }
            Ending::Missing => prop_assert!(false, "no end at all: {}", text()),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn what_anthropic_says_is_heard(spoken in spoken(), cut in any::<prop::sample::Index>(), size in 1usize..200) {
        let bytes = anthropic::bytes(&spoken);
        through_every_client(ProviderKind::Anthropic, &bytes, &spoken, cut.index(bytes.len() + 1), size)?;
    }

    #[test]
    fn what_chat_providers_say_is_heard(spoken in spoken(), habits in chat::habits(), cut in any::<prop::sample::Index>(), size in 1usize..200) {
        let bytes = chat::bytes(&spoken, habits);
        through_every_client(ProviderKind::OpenaiCompatible, &bytes, &spoken, cut.index(bytes.len() + 1), size)?;
    }

    #[test]
    fn what_responses_providers_say_is_heard(spoken in spoken(), cut in any::<prop::sample::Index>(), size in 1usize..200) {
        let bytes = responses::bytes(&spoken);
        through_every_client(ProviderKind::OpenaiResponses, &bytes, &spoken, cut.index(bytes.len() + 1), size)?;
    }

    #[test]
    fn what_gemini_says_is_heard(spoken in spoken(), cut in any::<prop::sample::Index>(), size in 1usize..200) {
        let bytes = gemini::bytes(&spoken);
        through_every_client(ProviderKind::Gemini, &bytes, &spoken, cut.index(bytes.len() + 1), size)?;
    }

    #[test]
    fn events_in_our_own_words_are_heard(spoken in spoken(), cut in any::<prop::sample::Index>()) {
        let events = spoken.events();
        let expected = spoken.answer();
        for dialect in caller::DIALECTS {
            let call = caller::call(dialect).unwrap();
            for cut in [events.len(), cut.index(events.len())] {
                let mut frames = ClientFrames::new(&call.client, caller::names(&call));
                let mut whole = WholeAnswer::of(&call.client);
                let mut out = BytesMut::new();
                for event in &events[..cut] {
                    frames.write_recorded(&ProviderEvent::translated(event.clone()), &mut out, &mut |name, json| whole.add(name, json));
                }
                if cut < events.len() {
                    frames.error(&error(), &mut out);
                }
                if dialect == ClientDialect::Inference {
                    // never streamed: what is left to hear is the whole
                    let whole = serde_json::from_slice(&whole.into_json()).unwrap();
                    if cut == events.len() {
                        prop_assert_eq!(differences(&expected, &accumulate::whole(dialect, &whole), dialect), Vec::<String>::new());
                    }
                    continue;
                }
                let understood = accumulate::stream(dialect, &out);
                prop_assert_eq!(&understood.complaints, &Vec::<String>::new(), "{:?} of {:?}", dialect, &events[..cut]);
                if cut == events.len() {
                    prop_assert_eq!(differences(&expected, &understood.answer, dialect), Vec::<String>::new());
                    let whole = serde_json::from_slice(&whole.into_json()).unwrap();
                    prop_assert_eq!(accumulate::whole(dialect, &whole), understood.answer);
                } else {
                    prop_assert_eq!(&understood.answer.ending, &Ending::Failed("it broke".to_owned()));
                    let said: String = events[..cut].iter().filter_map(text_of).collect();
                    prop_assert_eq!(understood.answer.text, said);
                }
            }
        }
    }
}

fn text_of(event: &StreamEvent) -> Option<&str> {
    if let StreamEvent::Delta(Delta::Text(text)) = event { Some(text) } else { None }
}

fn error() -> ClientError {
    ClientError {
        error_type: "api_error",
        message: "it broke".to_owned(),
        code: None,
        field: None,
        details: None,
        request_id: "req_1".to_owned(),
    }
}

#[test]
fn a_block_that_only_anthropic_has_does_not_disturb_the_others() {
    let mut spoken = Spoken::of(vec![Said::Text(vec!["a".to_owned()])]);
    spoken.said.push(Said::Text(vec!["b".to_owned()]));
    let mut events = spoken.events();
    let between = events.iter().position(|event| *event == StreamEvent::BlockStop).unwrap() + 1;
    events.splice(
        between..between,
        [
            StreamEvent::BlockStart(Block::Other),
            StreamEvent::Delta(Delta::Other),
            StreamEvent::BlockStop,
        ],
    );
    for dialect in
        caller::DIALECTS.into_iter().filter(|dialect| *dialect != ClientDialect::Inference)
    {
        let call = caller::call(dialect).unwrap();
        let mut frames = ClientFrames::new(&call.client, caller::names(&call));
        let mut out = BytesMut::new();
        for event in &events {
            frames.write(&ProviderEvent::translated(event.clone()), &mut out);
        }
        let understood = accumulate::stream(dialect, &out);
        assert_eq!(
            (understood.complaints, understood.answer.text.as_str()),
            (Vec::new(), "ab"),
            "{dialect:?}"
        );
    }
}
