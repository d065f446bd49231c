//! How many tokens a text is, without any model's tokenizer: most vendors do not publish theirs,
//! and a route must not wait for one.
//!
//! [`estimate_tokens`] walks the bytes once, run by run, and charges each run by its class. The
//! charges were fitted to two published byte-pair vocabularies (cl100k and o200k). Measured:
//! English prose and code within about a tenth of the count, French and German up to a quarter
//! below, other scripts between the two vocabularies, which differ there by up to two and a half
//! times; base64 is half its count, for it looks like words.
//!
//! The figure feeds the projected cost and the window filter, and is settled at the provider's own
//! count. Money is reserved for more: see [`crate::bounds`].

/// Charges are in parts of a token.
const PARTS_PER_TOKEN: u64 = 32;

/// A short word, the space before it not counted; what follows the fifth letter comes on top.
const WORD: u64 = 18;
const SHORT_WORD_LETTERS: u64 = 5;
const LATER_LETTER: u64 = 8;
/// Tokenizers split numbers into groups of three.
const DIGIT_GROUP: u64 = 48;
const DIGITS_PER_GROUP: u64 = 3;
/// One space or a whole indentation.
const BLANKS: u64 = 12;
/// Line breaks with nothing between.
const LINE_BREAKS: u64 = 64;
const PUNCTUATION: u64 = 16;
const LATER_PUNCTUATION: u64 = 4;
/// Characters beyond ASCII by their length in UTF-8: Greek to Arabic; Indic and CJK; emoji and the
/// rare.
const TWO_BYTES: u64 = 19;
const THREE_BYTES: u64 = 28;
const FOUR_BYTES: u64 = 64;

/// Never zero for a text that is not empty, never more than its bytes, and never less when text is
/// appended.
pub fn estimate_tokens(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut parts = 0u64;
    let mut start = 0;
    while let Some(first) = bytes.get(start) {
        let class = class_of(*first);
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|byte| class_of(*byte) == class) {
            end += 1;
        }
        parts += charge(class, (end - start) as u64);
        start = end;
    }
    parts.div_ceil(PARTS_PER_TOKEN).min(bytes.len() as u64)
}

/// What a byte is to a tokenizer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Blank,
    LineBreak,
    Punctuation,
    /// First bytes of characters beyond ASCII, by the length of the character.
    TwoBytes,
    ThreeBytes,
    FourBytes,
    /// Any later byte of such a character: charged with the first.
    Continuation,
}

fn charge(class: Class, length: u64) -> u64 {
    match class {
        Class::Letter => WORD + LATER_LETTER * length.saturating_sub(SHORT_WORD_LETTERS),
        Class::Digit => DIGIT_GROUP * length.div_ceil(DIGITS_PER_GROUP),
        Class::Blank => BLANKS,
        Class::LineBreak => LINE_BREAKS,
        Class::Punctuation => PUNCTUATION + LATER_PUNCTUATION * (length - 1),
        Class::TwoBytes => TWO_BYTES,
        Class::ThreeBytes => THREE_BYTES,
        Class::FourBytes => FOUR_BYTES,
        Class::Continuation => 0,
    }
}

fn class_of(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Punctuation; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b' ' | b'\t' => Class::Blank,
            b'\n' | b'\r' => Class::LineBreak,
            0x00..=0x7f => Class::Punctuation,
            0x80..=0xbf => Class::Continuation,
            0xc0..=0xdf => Class::TwoBytes,
            0xe0..=0xef => Class::ThreeBytes,
            0xf0..=0xff => Class::FourBytes,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Text, its count by cl100k and by o200k.
    const KNOWN: [(&str, u64, u64); 7] = [
        ("The quick brown fox jumps over the lazy dog, and nobody minds.", 14, 14),
        (
            "fn main() {\n    let total: u64 = values.iter().map(|value| value.len() as u64).sum();\n    println!(\"{total}\");\n}\n",
            33,
            33,
        ),
        (
            r#"{"role":"user","content":[{"type":"text","text":"What is the weather in Paris?"}],"max_tokens":1024}"#,
            28,
            29,
        ),
        ("Быстрая коричневая лиса перепрыгивает через ленивую собаку.", 30, 20),
        ("敏捷的棕色狐狸跳过了懒狗，没有人介意。", 30, 18),
        ("素早い茶色の狐がのろまな犬を飛び越える。", 29, 19),
        ("3.14159 26535 89793, 2026-11-24T06:11:00Z, 127.0.0.1:8080", 37, 37),
    ];

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(estimate_tokens(""), 0);
    }

    #[test]
    fn known_texts_are_near_the_published_counts() {
        for (text, cl100k, o200k) in KNOWN {
            let estimate = estimate_tokens(text);
            let (fewest, most) = (cl100k.min(o200k), cl100k.max(o200k));
            assert!(
                estimate * 4 >= fewest * 3 && estimate * 4 <= most * 5,
                "{estimate} for {text:?}, not near {fewest} to {most}"
            );
        }
    }

    #[test]
    fn a_long_text_counts_every_part() {
        let one = estimate_tokens("The quick brown fox jumps over the lazy dog. ");
        let thousand =
            estimate_tokens(&"The quick brown fox jumps over the lazy dog. ".repeat(1000));
        assert!(thousand <= one * 1000 && thousand > one * 900, "{one} {thousand}");
    }

    proptest! {
        #[test]
        fn any_text_has_tokens_and_no_more_than_bytes(text in "\\PC{1,200}") {
            let estimate = estimate_tokens(&text);
            prop_assert!(estimate >= 1);
            prop_assert!(estimate <= text.len() as u64);
        }

        #[test]
        fn more_text_is_never_fewer_tokens(text: String, more in "[ -~\n\té世🦀]{0,40}") {
            let longer = text.clone() + &more;
            prop_assert!(estimate_tokens(&longer) >= estimate_tokens(&text));
        }
    }
}
