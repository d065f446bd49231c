use super::*;

fn end_of(datas: &[&str]) -> Result<StopReason, StreamFault> {
    let mut reader =
        GeminiReader::new(GeminiRelay::Translated, "seed".to_owned(), ToolNames::unchanged());
    let mut out = Vec::new();
    for data in datas {
        reader.read(
            SseEvent { name: Bytes::new(), data: Bytes::copy_from_slice(data.as_bytes()) },
            &mut out,
        )?;
    }
    reader.finish(&mut out)?;
    let reasons = out.into_iter().find_map(|out| match out.event {
        StreamEvent::Finish { stop, .. } => Some(stop.reason),
        _ => None,
    });
    reasons.ok_or(StreamFault::Truncated)
}

#[test]
fn every_finish_reason_has_one_meaning() {
    for (reason, expected) in [
        ("STOP", StopReason::EndTurn),
        ("MAX_TOKENS", StopReason::MaxTokens),
        ("SAFETY", StopReason::Refusal),
        ("RECITATION", StopReason::Refusal),
        ("PROHIBITED_CONTENT", StopReason::Refusal),
        ("SPII", StopReason::Refusal),
        ("BLOCKLIST", StopReason::Refusal),
        ("IMAGE_SAFETY", StopReason::Refusal),
        ("LANGUAGE", StopReason::Refusal),
        ("stop", StopReason::EndTurn),
    ] {
        let said = format!(r#"{{"candidates":[{{"finishReason":"{reason}"}}]}}"#);
        assert_eq!(end_of(&[&said]), Ok(expected), "{reason}");
    }
    for spoilt in
        ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "NO_IMAGE", "SOMETHING_NEW"]
    {
        let said = format!(r#"{{"candidates":[{{"finishReason":"{spoilt}"}}]}}"#);
        assert!(
            matches!(end_of(&[&said]), Err(StreamFault::ErrorEvent { kind: FaultKind::Api, .. })),
            "{spoilt}"
        );
    }
    let call = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}"#;
    assert_eq!(end_of(&[call]), Ok(StopReason::ToolUse));
}

#[test]
fn without_a_finish_reason_the_end_is_a_cut() {
    assert_eq!(
        end_of(&[r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#]),
        Err(StreamFault::Truncated)
    );
    assert_eq!(end_of(&[]), Err(StreamFault::Truncated));
    assert_eq!(
        end_of(&[r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#]),
        Ok(StopReason::Refusal)
    );
}

#[test]
fn a_whole_answer_is_one_response_or_a_list_of_them() {
    let whole = |body: &'static str| {
        let mut reader =
            GeminiReader::new(GeminiRelay::Translated, "seed".to_owned(), ToolNames::unchanged());
        let mut out = Vec::new();
        reader.whole(&Bytes::from_static(body.as_bytes()), &mut out)?;
        let texts = out.into_iter().filter_map(|out| match out.event {
            StreamEvent::Delta(Delta::Text(text)) => Some(text.to_string()),
            _ => None,
        });
        Ok(texts.collect::<String>())
    };
    let one = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#;
    let list = r#" [{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}
        ,{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}]"#;
    assert_eq!((whole(one), whole(list)), (Ok("a".to_owned()), Ok("ab".to_owned())));
    for body in ["{}", "[]", "3", "<html>"] {
        assert!(matches!(whole(body), Err(StreamFault::Malformed(_))), "{body}");
    }
    let overloaded = whole(r#"[{"error":{"code":503,"message":"The model is overloaded."}}]"#);
    assert!(
        matches!(overloaded, Err(StreamFault::ErrorEvent { kind: FaultKind::Overloaded, .. })),
        "{overloaded:?}"
    );
}

#[test]
fn only_the_first_candidate_is_heard() {
    let two =
        r#"{"candidates":[{"index":1,"finishReason":"OTHER"},{"index":0,"finishReason":"STOP"}]}"#;
    assert_eq!(end_of(&[two]), Ok(StopReason::EndTurn));
}

#[test]
fn a_last_word_after_content_is_an_end_without_a_finish_reason() {
    let text = r#"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#;
    assert_eq!(end_of(&[text, "[DONE]"]), Ok(StopReason::EndTurn));
    assert_eq!(end_of(&["[DONE]"]), Err(StreamFault::Truncated));
}

#[test]
fn members_of_another_type_do_not_hide_the_answer() {
    for odd in [
        r#"{"candidates":[{"content":{"parts":[{"text":"a","thought":"no"}]},"finishReason":"STOP","index":"0"}]}"#,
        r#"{"candidates":[{"content":{"parts":[3,{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{"candidatesTokenCount":-1}}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"a","functionCall":[]}]},"finishReason":"STOP"}],"usageMetadata":[],"responseId":7}"#,
        r#"{"candidates":{"content":{"parts":{"text":"a"}},"finishReason":"STOP"},"promptFeedback":[],"error":{}}"#,
    ] {
        assert_eq!(end_of(&[odd]), Ok(StopReason::EndTurn), "{odd}");
    }
    let odd = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":[]}}]},"finishReason":"STOP"}]}"#;
    assert_eq!(end_of(&[odd]), Ok(StopReason::ToolUse));
}
