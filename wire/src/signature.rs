//! Whose a signature is. What a vendor signs or encrypts of its reasoning means something to that
//! vendor alone and another one refuses it, so each carries its issuer's mark while it is the
//! client's to keep. Anthropic's own are unmarked: they are what clients of its dialect expect.

use bytestring::ByteString;

/// Who made a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Issuer {
    Anthropic,
    /// The encrypted content of a reasoning item.
    Responses,
    /// A thought signature.
    Gemini,
    /// Reasoning of a Chat Completions vendor, which signs nothing but wants its own back.
    Deepseek,
    Xai,
    Together,
    /// Reasoning of any other vendor of that dialect: nobody wants it back.
    Chat,
}

/// What every mark begins with.
pub(crate) const MARK: &str = "ainfera.";

/// The mark of Anthropic's own in the dialects where unmarked ones are another vendor's.
pub(crate) const ANTHROPIC_MARK: &str = "ainfera.anthropic.";

const MARKS: [(Issuer, &str); 6] = [
    (Issuer::Responses, "ainfera.responses."),
    (Issuer::Gemini, "ainfera.gemini."),
    (Issuer::Deepseek, "ainfera.deepseek."),
    (Issuer::Xai, "ainfera.xai."),
    (Issuer::Together, "ainfera.together."),
    (Issuer::Chat, "ainfera.chat."),
];

/// What the client is given to keep.
pub(crate) fn marked(issuer: Issuer, signature: &str) -> ByteString {
    match MARKS.iter().find(|(known, _)| *known == issuer) {
        Some((_, mark)) => format!("{mark}{signature}").into(),
        None => signature.into(),
    }
}

/// What the client gives back: its issuer, and what that one made.
pub(crate) fn read(signature: &str) -> (Issuer, &str) {
    let found =
        MARKS.iter().find_map(|(issuer, mark)| Some((*issuer, signature.strip_prefix(mark)?)));
    found.unwrap_or((Issuer::Anthropic, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_finds_its_issuer_again() {
        for issuer in [
            Issuer::Anthropic,
            Issuer::Responses,
            Issuer::Gemini,
            Issuer::Deepseek,
            Issuer::Xai,
            Issuer::Together,
            Issuer::Chat,
        ] {
            assert_eq!(read(&marked(issuer, "c2ln.x")), (issuer, "c2ln.x"));
        }
        assert_ne!(marked(Issuer::Responses, "c2ln"), marked(Issuer::Gemini, "c2ln"));
    }
}
