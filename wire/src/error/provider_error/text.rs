//! The text of an error, at a bounded length and without the quoting of the form that it came in.

use crate::error::provider_error::error_message;

/// An error's text longer than this is cut: it goes into the log, into the record and to the
/// caller.
pub(crate) const MAX_TEXT_BYTES: usize = 2 << 10;

/// The provider's words. A body that was cut is no JSON any more; what it says is found all the
/// same.
pub(crate) fn text_of(body: &[u8]) -> Option<String> {
    let message = error_message(body).or_else(|| message_in_cut(body))?;
    let message = unpacked(message);
    // OpenRouter puts the words of the provider that it asked beside its own
    let cause = cause_beside(body).map(unpacked).filter(|cause| !message.contains(cause.as_str()));
    Some(cause.map_or_else(|| message.clone(), |cause| format!("{message}: {cause}")))
}

/// Gateways put the error that they got into the message of their own.
fn unpacked(mut message: String) -> String {
    for _ in 0..4 {
        let inner = message.trim_start().starts_with(['{', '[']);
        match inner.then(|| error_message(message.as_bytes())).flatten() {
            Some(inner) => message = inner,
            None => break,
        }
    }
    message
}

fn cause_beside(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let raw = body.pointer("/error/metadata/raw")?;
    let text = raw.as_str().map_or_else(|| raw.to_string(), str::to_owned);
    Some(text).filter(|text| !text.trim().is_empty() && text != "null")
}

/// `text` up to the most that is passed on.
pub(crate) fn cut(mut text: String) -> String {
    const MARK: &str = " …";
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES - MARK.len())
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str(MARK);
    }
    text
}

/// The string after `"message":`, decoded as far as it goes.
fn message_in_cut(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (_, after) = text.split_once("\"message\"")?;
    let string = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    // cut in the middle of an escape sequence it cannot be decoded: at most eleven bytes of a pair
    // of surrogates are in the way
    let end = closing_quote(string).unwrap_or(string.len());
    let ends = (end.saturating_sub(12)..=end).rev().filter(|end| string.is_char_boundary(*end));
    ends.filter_map(|end| {
        serde_json::from_str(&format!("\"{}\"", string[..end].trim_end_matches('\u{FFFD}'))).ok()
    })
    .next()
}

fn closing_quote(string: &str) -> Option<usize> {
    let mut escaped = false;
    string.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_was_cut_still_says_what_it_said() {
        let body = r#"{"error":{"type":"x","message":"line one\nsays \"no\" \u00e9 \ud83d\ude00 and more"}}"#;
        let message = "line one\nsays \"no\" é 😀 and more";
        assert_eq!(text_of(body.as_bytes()).as_deref(), Some(message));
        let begins = body.find("line one").unwrap();
        for end in begins + 1..body.len() {
            let text = text_of(&body.as_bytes()[..end]).unwrap_or_else(|| panic!("{end}"));
            assert!(message.starts_with(&text), "{end}: {text}");
        }
        assert_eq!(text_of(b"<html>\"message\":\"x\""), None);
    }

    #[test]
    fn an_error_inside_an_errors_message_is_unpacked() {
        let inner = r#"{"error":{"message":"too\nlong"}}"#;
        let body = serde_json::json!({"error": {"message": inner}}).to_string();
        assert_eq!(text_of(body.as_bytes()).as_deref(), Some("too\nlong"));
        let braces = br#"{"error":{"message":"{not json"}}"#;
        assert_eq!(text_of(braces).as_deref(), Some("{not json"));
    }

    #[test]
    fn the_cause_that_a_gateway_puts_beside_its_own_words_is_kept() {
        let raw = r#"{"error":{"message":"reasoning_details are missing"}}"#;
        for raw in [serde_json::json!(raw), serde_json::from_str(raw).unwrap()] {
            let body = serde_json::json!({"error": {"message": "Provider returned error",
                "code": 400, "metadata": {"raw": raw, "provider_name": "x"}}});
            assert_eq!(
                text_of(body.to_string().as_bytes()).as_deref(),
                Some("Provider returned error: reasoning_details are missing")
            );
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_letter() {
        assert_eq!(cut("é".repeat(1000)), "é".repeat(1000));
        let long = cut("é".repeat(5000));
        assert!(long.len() <= MAX_TEXT_BYTES && long.ends_with("é …"), "{}", long.len());
    }
}
