//! What a Chat client kept of earlier answers, as thinking blocks under the marks of their issuers.

use serde_json::Value;

use crate::client::openai::turns::PlacedBlock;
use crate::client::translation::RequestTranslation;
use crate::codec::node::Object;
use crate::disclosure::coercion::Reason;
use crate::request::content::Block;
use crate::signature::{ANTHROPIC_MARK, MARK};
use crate::thought_signatures::{On, kept};

/// Signed thoughts of a message. What carries no mark of who thought it is named as left out.
pub(super) fn thoughts(
    message: &mut Object<'_>,
    translation: &mut RequestTranslation,
) -> Vec<PlacedBlock> {
    let member = "reasoning_details";
    let mut blocks = Vec::new();
    let mut unmarked = false;
    if let Some(details) = message.take(member) {
        let parts = details.as_array().map_or(&[][..], Vec::as_slice);
        for (at, part) in parts.iter().enumerate() {
            let marked = part["signature"].as_str().filter(|signed| signed.starts_with(MARK));
            let Some(signed) = marked else {
                unmarked = true;
                continue;
            };
            let signed = signed.strip_prefix(ANTHROPIC_MARK).unwrap_or(signed);
            let text = part["text"].as_str().unwrap_or_default();
            let from = format!("{}.{at}", message.at(member));
            let thinking = Block::Thinking { text: text.into(), signature: Some(signed.into()) };
            blocks.push(PlacedBlock::new(thinking, from));
        }
        if unmarked || parts.is_empty() {
            translation.drop(message.at(member), Reason::Issuer);
        }
    }
    for name in ["reasoning_content", "reasoning"] {
        // the parts say the same once more
        if message.take(name).is_some() && blocks.is_empty() {
            translation.drop(message.at(name), Reason::Issuer);
        }
    }
    blocks
}

/// The thought signature of a call, which stands before it, or of a text, which it follows.
pub(super) fn signature(
    of: &mut Object<'_>,
    on: On,
    translation: &mut RequestTranslation,
) -> Option<PlacedBlock> {
    let extra: Value = of.take("extra_content")?;
    let from = of.at("extra_content");
    let signed = extra.pointer("/google/thought_signature").and_then(Value::as_str);
    let Some(signed) = signed.filter(|signed| !signed.is_empty()) else {
        translation.drop(from, Reason::Unknown);
        return None;
    };
    let thinking = Block::Thinking { text: "".into(), signature: Some(kept(on, signed)) };
    Some(PlacedBlock::new(thinking, from))
}
