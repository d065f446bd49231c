//! Thought signatures on their way through a dialect that has them on thinking blocks only.
//!
//! Here a signature stands on the part that it was made with, a call or a text. The client keeps it
//! in a thinking block, which stands before the call or after the text, and whose mark says which
//! of the two it was.

use bytestring::ByteString;

use crate::signature::{self, Issuer};

/// What a signature was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Call,
    Text,
}

/// Before what was made with a text; no signature has a colon.
const TEXT: &str = "text:";

/// Calls that no signature came with, because somebody else made them, are let through with this
/// one.
pub(crate) const UNSIGNED: &str = "skip_thought_signature_validator";

pub(crate) fn kept(on: On, signature: &str) -> ByteString {
    match on {
        // as the compatible endpoint has them, so that a conversation may go on at either
        On::Call => signature::marked(Issuer::Gemini, signature),
        On::Text => signature::marked(Issuer::Gemini, &format!("{TEXT}{signature}")),
    }
}

/// `None` for what another issuer made.
pub(crate) fn given_back(signature: &str) -> Option<(On, &str)> {
    let (Issuer::Gemini, kept) = signature::read(signature) else { return None };
    Some(kept.strip_prefix(TEXT).map_or((On::Call, kept), |made| (On::Text, made)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p074_a_signature_comes_back_to_its_part_and_a_foreign_one_does_not() {
        for on in [On::Call, On::Text] {
            assert_eq!(given_back(&kept(on, "c2ln")), Some((on, "c2ln")));
        }
        assert_eq!(given_back("c2ln"), None);
        assert_eq!(given_back(&signature::marked(Issuer::Responses, "rs:c2ln")), None);
        assert_eq!(
            given_back(&signature::marked(Issuer::Gemini, "c2ln")),
            Some((On::Call, "c2ln"))
        );
    }
}
