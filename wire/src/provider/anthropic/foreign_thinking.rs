//! Thinking of other vendors in a conversation that goes on at Anthropic: it would be refused for
//! its signature, so it is left out and named.
//!
//! Everything else stays byte for byte as it came.

use serde_json::value::RawValue;

use crate::codec::json::{Edit, Members, Text};
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::signature::{self, Issuer};

#[derive(serde::Deserialize)]
struct Signed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// The body without it; `None` if there is none, or if the body is not one that could have it.
pub(crate) fn without_foreign_thinking(body: &[u8], coercions: &mut Coercions) -> Option<Vec<u8>> {
    memchr::memmem::find(body, signature::MARK.as_bytes())?;
    let members = Members::parse(body).ok()?;
    let (_, messages) = members.0.iter().find(|(key, _)| &**key == "messages")?;
    let messages: Vec<&RawValue> = serde_json::from_str(messages.get()).ok()?;
    let mut kept = Vec::with_capacity(messages.len());
    let mut any = false;
    for (index, message) in messages.iter().enumerate() {
        match message_without(message, index, coercions) {
            None => kept.push(message.get().to_owned()),
            Some(rest) => {
                any = true;
                kept.extend(rest);
            }
        }
    }
    let messages = format!("[{}]", kept.join(","));
    any.then(|| {
        members.write(
            |key| if key == "messages" { Edit::Replace(messages.clone()) } else { Edit::Keep },
            &[],
        )
    })
}

/// Whether another vendor made a signature.
pub(crate) fn is_of_another(signature: &str) -> bool {
    signature::read(signature).0 != Issuer::Anthropic
}

/// What is left of a message that has some: nothing, if it was all there was.
fn message_without(
    message: &RawValue,
    index: usize,
    coercions: &mut Coercions,
) -> Option<Option<String>> {
    memchr::memmem::find(message.get().as_bytes(), signature::MARK.as_bytes())?;
    let members = Members::parse(message.get().as_bytes()).ok()?;
    let (_, content) = members.0.iter().find(|(key, _)| &**key == "content")?;
    let blocks: Vec<&RawValue> = serde_json::from_str(content.get()).ok()?;
    let mut kept = Vec::with_capacity(blocks.len());
    for (at, block) in blocks.iter().enumerate() {
        if is_foreign(block) {
            coercions
                .add(format!("messages.{index}.content.{at}"), Change::Dropped(Reason::Issuer));
        } else {
            kept.push(block.get());
        }
    }
    if kept.len() == blocks.len() {
        return None;
    }
    let content = format!("[{}]", kept.join(","));
    let rest = members.write(
        |key| if key == "content" { Edit::Replace(content.clone()) } else { Edit::Keep },
        &[],
    );
    Some((!kept.is_empty()).then(|| String::from_utf8_lossy(&rest).into_owned()))
}

fn is_foreign(block: &RawValue) -> bool {
    let signed: Result<Signed<'_>, _> = serde_json::from_str(block.get());
    signed.is_ok_and(|signed| {
        &*signed.kind == "thinking"
            && signed.signature.is_some_and(|signature| is_of_another(&signature))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p074_foreign_thinking_is_left_out_and_named_and_the_rest_keeps_its_bytes() {
        let body = r#"{"model":"m", "messages":[{"role":"user","content":"say ainfera."},{ "role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"ainfera.deepseek."},{"type":"thinking","thinking":"b" ,"signature":"c2ln"},{"type":"text","text":"x"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"ainfera.gemini.c2ln"}]}],"new":1.50}"#;
        let mut coercions = Coercions::default();
        let removed_body =
            String::from_utf8(without_foreign_thinking(body.as_bytes(), &mut coercions).unwrap())
                .unwrap();
        let expected = r#"{"model":"m","messages":[{"role":"user","content":"say ainfera."},{"role":"assistant","content":[{"type":"thinking","thinking":"b" ,"signature":"c2ln"},{"type":"text","text":"x"}]}],"new":1.50}"#;
        assert_eq!(removed_body, expected);
        assert_eq!(
            coercions.texts(),
            [
                "messages.1.content.0=dropped:other_issuer",
                "messages.2.content.0=dropped:other_issuer"
            ]
        );
    }

    #[test]
    fn a_body_without_any_is_left_alone() {
        for body in [
            r#"{"messages":[{"role":"user","content":"ainfera."}]}"#,
            r#"{"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"ainfera.x","signature":"c2ln"}]}]}"#,
            "ainfera.",
        ] {
            assert_eq!(without_foreign_thinking(body.as_bytes(), &mut Coercions::default()), None);
        }
    }
}
