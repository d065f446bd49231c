//! Random answers, written as each provider writes them, cut anywhere and read in any pieces, as
//! each client reads them.
//!
//! Of a stream that comes whole, each client reads the whole answer. A stream that is cut is never
//! read as an answer that ended, unless everything but its last frames had come. No client has
//! anything to complain of: indexes are dense, one block is open at a time, and nothing follows
//! the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "streams/provider_bytes.rs"]
mod provider_bytes;
#[path = "streams/scripts.rs"]
mod scripts;

use ainfera_fidelity::accumulate::{self, Understood};
use ainfera_fidelity::answer::{Answer, Ending};
use ainfera_fidelity::compare::differences;
use ainfera_fidelity::provider::Upstream;
use ainfera_fidelity::{caller, replay};
use ainfera_mock::gemini::habits::CallIds;
use ainfera_mock::script::CallOrder;
use ainfera_schema::ProviderKind;
use ainfera_wire::client::{Call, ClientDialect, ClientFrames, WholeAnswer};
use ainfera_wire::error::ClientError;
use ainfera_wire::event::{Block, Delta, ProviderEvent, StreamEvent};
use bytes::BytesMut;
use proptest::prelude::*;
use proptest::sample::Index;
use scripts::{answer_of, events_of, of_texts, scripts};

fn settings() -> ProptestConfig {
    ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() }
}

/// Bytes through the wire crate, and what the client made of them.
fn pass_to_client(
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
    expected: &Answer,
    cut: usize,
    size: usize,
) -> Result<(), TestCaseError> {
    for dialect in caller::DIALECTS {
        through_client(dialect, kind, bytes, expected, cut, size)?;
    }
    Ok(())
}

/// All the bytes, and then the first `cut` of them, in reads of `size` bytes.
fn through_client(
    dialect: ClientDialect,
    kind: ProviderKind,
    bytes: &[u8],
    expected: &Answer,
    cut: usize,
    size: usize,
) -> Result<(), TestCaseError> {
    let upstream = Upstream::of(kind);
    let call = caller::call(dialect).unwrap();
    let reads = replay::Reads::OfBytes(size);
    let nothing = Vec::<String>::new();
    let (understood, whole) = pass_to_client(&call, &upstream, bytes, reads);
    let text = || format!("{dialect:?} of {}", String::from_utf8_lossy(bytes));
    prop_assert_eq!(&understood.complaints, &nothing, "{}", text());
    let found = differences(expected, &understood.answer, dialect);
    prop_assert_eq!(&found, &nothing, "{}", text());
    if dialect == ClientDialect::Messages {
        prop_assert_eq!(&understood.answer.reasoning, &expected.reasoning, "{}", text());
    }
    prop_assert_eq!(&accumulate::whole(dialect, &whole), &understood.answer, "{}", text());

    let (understood, _) = pass_to_client(&call, &upstream, &bytes[..cut], reads);
    let text = || format!("{dialect:?} of {}", String::from_utf8_lossy(&bytes[..cut]));
    prop_assert_eq!(&understood.complaints, &nothing, "{}", text());
    match &understood.answer.ending {
        Ending::Failed(_) => {
            prop_assert!(expected.text.starts_with(&understood.answer.text), "{}", text());
        }
        Ending::Stopped(_) => {
            prop_assert_eq!(content(&understood.answer), content(expected), "{}", text());
        }
        Ending::Missing => prop_assert!(false, "no end at all: {}", text()),
    }
    Ok(())
}

/// The text, and the name and arguments of each call.
fn content(answer: &Answer) -> (&str, Vec<(&str, &serde_json::Value)>) {
    let calls = answer.calls.iter().map(|call| (call.name.as_str(), &call.arguments));
    (&answer.text, calls.collect())
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn clients_read_what_anthropic_writes(
        script in scripts(),
        ends in provider_bytes::line_ends(),
        cut in any::<Index>(),
        size in 1usize..200,
    ) {
        let bytes = provider_bytes::of_anthropic(&script, ends);
        let (expected, cut) = (answer_of(&script), cut.index(bytes.len() + 1));
        through_every_client(ProviderKind::Anthropic, &bytes, &expected, cut, size)?;
    }

    #[test]
    fn clients_read_what_chat_providers_write(
        script in scripts(),
        habits in provider_bytes::chat_habits(),
        ends in provider_bytes::line_ends(),
        cut in any::<Index>(),
        size in 1usize..200,
    ) {
        let bytes = provider_bytes::of_chat(&script, habits, ends);
        let (expected, cut) = (answer_of(&script), cut.index(bytes.len() + 1));
        through_every_client(ProviderKind::OpenaiCompatible, &bytes, &expected, cut, size)?;
    }

    #[test]
    fn clients_read_what_responses_providers_write(
        script in scripts(),
        ends in provider_bytes::line_ends(),
        cut in any::<Index>(),
        size in 1usize..200,
    ) {
        let bytes = provider_bytes::of_responses(&script, ends);
        let (expected, cut) = (answer_of(&script), cut.index(bytes.len() + 1));
        for dialect in caller::DIALECTS {
            // A Responses client gets the provider's own events, and of items that alternate this
            // reading of the dialect complains, because the vendor writes them one by one.
            let is_native = dialect == ClientDialect::Responses;
            if !is_native || script.call_order == CallOrder::OneByOne {
                let kind = ProviderKind::OpenaiResponses;
                through_client(dialect, kind, &bytes, &expected, cut, size)?;
            }
        }
    }

    #[test]
    fn clients_read_what_gemini_writes(
        script in scripts(),
        habits in provider_bytes::gemini_habits(),
        cut in any::<Index>(),
        size in 1usize..200,
    ) {
        let bytes = provider_bytes::of_gemini(&script, habits);
        let mut expected = answer_of(&script);
        if habits.call_ids == CallIds::Omitted {
            // The gateway makes ids up, so only their presence is checked.
            expected.calls.iter_mut().for_each(|call| call.id.clear());
        }
        let cut = cut.index(bytes.len() + 1);
        through_every_client(ProviderKind::Gemini, &bytes, &expected, cut, size)?;
    }

    #[test]
    fn clients_read_events_without_a_providers_dialect(
        script in scripts(),
        cut in any::<Index>(),
    ) {
        let (events, expected) = (events_of(&script), answer_of(&script));
        for dialect in caller::DIALECTS {
            for cut in [events.len(), cut.index(events.len())] {
                events_through_client(dialect, &events, cut, &expected)?;
            }
        }
    }
}

/// The first `cut` events, and an error if these are not all.
fn events_through_client(
    dialect: ClientDialect,
    events: &[StreamEvent],
    cut: usize,
    expected: &Answer,
) -> Result<(), TestCaseError> {
    let call = caller::call(dialect).unwrap();
    let is_whole = cut == events.len();
    let mut frames = ClientFrames::new(&call.client, caller::names(&call));
    let mut whole = WholeAnswer::of(&call.client);
    let mut out = BytesMut::new();
    for event in &events[..cut] {
        let event = ProviderEvent::translated(event.clone());
        frames.write_recorded(&event, &mut out, &mut |name, json| whole.add(name, json));
    }
    if !is_whole {
        frames.error(&error(), &mut out);
    }
    let read_whole = || {
        let whole = serde_json::from_slice(&whole.into_json()).unwrap();
        accumulate::whole(dialect, &whole)
    };
    if dialect == ClientDialect::Inference {
        // This dialect is never streamed, so only its whole answer can be read.
        if is_whole {
            prop_assert_eq!(differences(expected, &read_whole(), dialect), Vec::<String>::new());
        }
        return Ok(());
    }
    let understood = accumulate::stream(dialect, &out);
    let nothing = Vec::<String>::new();
    prop_assert_eq!(&understood.complaints, &nothing, "{:?} of {:?}", dialect, &events[..cut]);
    if is_whole {
        prop_assert_eq!(differences(expected, &understood.answer, dialect), nothing);
        prop_assert_eq!(read_whole(), understood.answer);
    } else {
        prop_assert_eq!(&understood.answer.ending, &Ending::Failed("it broke".to_owned()));
        let text: String = events[..cut].iter().filter_map(text_of).collect();
        prop_assert_eq!(understood.answer.text, text);
    }
    Ok(())
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
        status: None,
        retry_after_s: None,
    }
}

#[test]
fn a_block_that_only_anthropic_has_does_not_disturb_the_others() {
    let mut events = events_of(&of_texts(&["a", "b"]));
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
