use super::*;

fn fragment(
    index: Option<u64>,
    id: &'static str,
    name: &'static str,
    arguments: &'static str,
) -> Fragment {
    let id = if id.is_empty() { ByteString::new() } else { format!("call_mock_{id}").into() };
    Fragment {
        index,
        id,
        name: name.into(),
        arguments: arguments.into(),
        signature: ByteString::new(),
    }
}

/// The beginning of a call of `f` whose id not every dialect takes.
fn begins_as(id: &str, at: usize) -> String {
    let call = VendorCall { id, name: "f", owner: "o" };
    format!("start {} f", kept_call_id::shown(call, &format!("seed{at}")).unwrap())
}

fn said(fragments: Vec<Fragment>) -> Vec<String> {
    let legal = ShownIds::LegalEverywhere { owner: "o".into() };
    let mut calls = ToolCalls::new("seed".to_owned(), ToolNames::unchanged()).showing(legal);
    let mut out = Vec::new();
    for fragment in fragments {
        calls.add(fragment, &mut out);
    }
    calls.finish(&mut out);
    out.into_iter()
        .filter(|out| out.event != StreamEvent::Oddity(Oddity::NoToolCallId))
        .map(|out| match out.event {
            StreamEvent::BlockStart(Block::ToolUse { id, name }) => {
                format!("start {id} {name}")
            }
            StreamEvent::Delta(Delta::ToolInput(piece)) => piece.to_string(),
            StreamEvent::BlockStop => "stop".to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn interleaved_calls_are_serialised() {
    let said = said(vec![
        fragment(Some(0), "a", "f", ""),
        fragment(Some(1), "b", "g", ""),
        fragment(Some(1), "", "", "{\"y\""),
        fragment(Some(0), "", "", "{\"x\""),
        fragment(Some(1), "", "", ":2}"),
        fragment(Some(0), "", "", ":1}"),
    ]);
    assert_eq!(
        said,
        [
            "start call_mock_a f",
            "{\"x\"",
            ":1}",
            "stop",
            "start call_mock_b g",
            "{\"y\"",
            ":2}",
            "stop"
        ]
    );
}

#[test]
fn p007_a_new_id_is_a_new_call_even_under_the_same_index() {
    let said = said(vec![
        fragment(Some(0), "a", "f", "{}"),
        fragment(Some(0), "b", "g", "{}"),
        fragment(Some(0), "b", "", ""),
    ]);
    assert_eq!(said, ["start call_mock_a f", "{}", "stop", "start call_mock_b g", "{}", "stop"]);
}

#[test]
fn without_an_index_an_id_starts_a_call_and_the_rest_continues_it() {
    let said = said(vec![
        fragment(None, "a", "f", "{"),
        fragment(None, "", "", "}"),
        fragment(None, "b", "g", "{}"),
    ]);
    assert_eq!(
        said,
        ["start call_mock_a f", "{", "}", "stop", "start call_mock_b g", "{}", "stop"]
    );
}

#[test]
fn repeated_names_are_not_added_up_and_missing_ids_are_made() {
    let said = said(vec![fragment(Some(0), "", "f", "{"), fragment(Some(0), "", "f", "}")]);
    assert_eq!(said, ["start toolu_seed0 f", "{", "}", "stop"]);
}

#[test]
fn p007_whole_calls_without_ids_are_calls_of_their_own() {
    for index in [None, Some(0)] {
        let said = said(vec![
            fragment(index, "", "f", "{\"x\":\"}\"}"),
            fragment(index, "", "f", "{}"),
            fragment(index, "", "g", "{}"),
        ]);
        let expected = [
            "start toolu_seed0 f",
            "{\"x\":\"}\"}",
            "stop",
            "start toolu_seed1 f",
            "{}",
            "stop",
            "start toolu_seed2 g",
            "{}",
            "stop",
        ];
        assert_eq!(said, expected);
    }
}

#[test]
fn p012_ids_are_legal_and_unique() {
    let said = said(vec![
        fragment(Some(0), "functions.f:0", "f", "{}"),
        fragment(Some(1), "a", "f", "{}"),
        fragment(Some(2), "a", "f", "{}"),
    ]);
    assert_eq!(
        said,
        [
            begins_as("call_mock_functions.f:0", 0).as_str(),
            "{}",
            "stop",
            "start call_mock_a f",
            "{}",
            "stop",
            "start toolu_seed2 f",
            "{}",
            "stop"
        ]
    );
}

#[test]
fn p012_a_counter_is_no_id() {
    let counter = |id: &'static str| Fragment { id: id.into(), ..fragment(None, "", "f", "{}") };
    assert_eq!(said(vec![counter("call_0")]), ["start toolu_seed0 f", "{}", "stop"]);
    assert_eq!(said(vec![counter("aB3dE6gH9")]), ["start aB3dE6gH9 f", "{}", "stop"]);
}

#[test]
fn an_id_that_is_replaced_may_be_repeated_in_every_fragment() {
    for id in ["functions.f:0", "call_1"] {
        for index in [Some(0), None] {
            let fragment =
                |arguments| Fragment { id: id.into(), ..fragment(index, "", "f", arguments) };
            let said = said(vec![fragment("{"), fragment("\"x\":1"), fragment("}")]);
            let begins =
                if id == "call_1" { "start toolu_seed0 f".to_owned() } else { begins_as(id, 0) };
            let expected = [begins.as_str(), "{", "\"x\":1", "}", "stop"];
            assert_eq!(said, expected, "{id} {index:?}");
        }
    }
}

#[test]
fn a_call_that_waits_has_the_id_under_which_it_is_said() {
    let mut calls = ToolCalls::new("seed".to_owned(), ToolNames::unchanged());
    let mut out = Vec::new();
    calls.add(fragment(Some(0), "a", "f", ""), &mut out);
    calls.add(Fragment { id: "call_b".into(), ..fragment(Some(1), "", "g", "") }, &mut out);
    assert_eq!(calls.identity(1), ("toolu_seed1".into(), "g".into()));
}

#[test]
fn the_signature_of_a_call_comes_before_it() {
    let signed = Fragment { signature: "c2ln".into(), ..fragment(None, "a", "f", "{}") };
    let expected =
        ["Delta(Signature(\"ainfera.gemini.c2ln\"))", "stop", "start call_mock_a f", "{}", "stop"];
    assert_eq!(said(vec![signed])[1..], expected);
}

#[test]
fn arguments_wait_for_the_name() {
    assert_eq!(
        said(vec![fragment(Some(0), "a", "", "{}"), fragment(Some(0), "", "f", "")]),
        ["start call_mock_a f", "{}", "stop"]
    );
}

#[test]
fn an_id_that_is_new_in_every_fragment_is_no_new_call_while_the_arguments_go_on() {
    let said = said(vec![
        fragment(Some(0), "a", "f", "{\"x\""),
        fragment(Some(0), "b", "", ":1"),
        fragment(Some(0), "c", "f", "}"),
    ]);
    assert_eq!(said, ["start call_mock_a f", "{\"x\"", ":1", "}", "stop"]);
}

#[test]
fn arguments_that_are_repeated_are_said_once() {
    for (id, name) in [("a", "f"), ("a", ""), ("", "")] {
        let said = said(vec![
            fragment(Some(0), "a", "f", "{\"x\":"),
            fragment(Some(0), "", "", "1}"),
            fragment(Some(0), id, name, "{\"x\":1}"),
        ]);
        let expected =
            ["start call_mock_a f", "{\"x\":", "1}", "Oddity(RepeatedArguments)", "stop"];
        assert_eq!(said, expected, "{id} {name}");
    }
}

#[test]
fn no_arguments_are_no_arguments_in_whatever_words() {
    for none in ["", "null", " "] {
        let said = said(vec![fragment(Some(0), "a", "f", none)]);
        assert_eq!(said, ["start call_mock_a f", "stop"], "{none}");
    }
}
