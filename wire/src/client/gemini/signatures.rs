//! What a client of this dialect is given to keep of the model's reasoning. A thought signature of
//! Gemini's own stays as it is. What another vendor signed comes with the thinking that it signs,
//! as base64: official clients decode every signature, and agents send back the signatures of calls
//! but not the thoughts.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytestring::ByteString;
use serde::{Deserialize, Serialize};

use crate::signature::MARK;
use crate::thought_signatures::{On, given_back as given_back_to_gemini};

/// What [`MARK`] and the brace after it are in base64.
pub(crate) const MARK_IN_BASE64: &str = "YWluZmVyYS57";

/// Reasoning that another vendor signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ForeignThinking {
    /// Under its issuer's mark.
    pub signature: String,
    pub thinking: String,
    /// A text of the same answer stands between it and the part that keeps it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_text: bool,
}

/// A signature on a part of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Signature {
    Gemini,
    Foreign(ForeignThinking),
}

impl ForeignThinking {
    /// What stands in `thoughtSignature`.
    pub(crate) fn kept(&self) -> String {
        // it is made of texts, so this does not fail
        let json = serde_json::to_string(self).unwrap_or_default();
        STANDARD.encode(format!("{MARK}{json}"))
    }
}

/// Whose a signature is that the client sends. Some clients write base64 with the letters that
/// addresses may have, and without its padding.
pub(crate) fn given_back(signature: &str) -> Signature {
    let foreign = || {
        let letters = signature.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(letters).ok()?).ok()?;
        serde_json::from_str(text.strip_prefix(MARK)?).ok()
    };
    if !signature.starts_with(MARK_IN_BASE64) {
        return Signature::Gemini;
    }
    foreign().map_or(Signature::Gemini, Signature::Foreign)
}

/// Gemini's own signature out of what carries its mark, and what it was made with.
pub(crate) fn own(marked: &str) -> Option<(On, ByteString)> {
    given_back_to_gemini(marked).map(|(on, signature)| (on, signature.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p074_what_another_vendor_signed_comes_back_with_its_thinking() {
        let foreign = ForeignThinking {
            signature: "ainfera.deepseek.".to_owned(),
            thinking: "größer? >~?\n".to_owned(),
            before_text: true,
        };
        let kept = foreign.kept();
        assert!(kept.starts_with(MARK_IN_BASE64), "{kept}");
        let other_letters = kept.trim_end_matches('=').replace('+', "-").replace('/', "_");
        for kept in [kept, other_letters] {
            assert_eq!(given_back(&kept), Signature::Foreign(foreign.clone()));
        }
        for theirs in ["c2ln", "YWluZmVyYS57", "ainfera.gemini.c2ln", ""] {
            assert_eq!(given_back(theirs), Signature::Gemini, "{theirs}");
        }
        assert_eq!(own("ainfera.gemini.text:c2ln"), Some((On::Text, "c2ln".into())));
    }
}
