//! How much text one byte of a shown string may stand for: what a character map or the name of a
//! glyph makes of it, and the space that a reader puts behind it where the next one stands apart.

use crate::attachment::pdf::lexer::Lexer;
use crate::attachment::pdf::objects::Objects;
use crate::attachment::pdf::value::Value;

/// A character of the common plane in UTF-8.
const CHARACTER_BYTES: u64 = 3;

/// A space or the end of a line.
const SEPARATOR_BYTES: u64 = 1;

/// In bytes of UTF-8.
pub(super) fn most_bytes_per_code(objects: &Objects<'_>) -> Option<u64> {
    let (mut most, mut maps) = (CHARACTER_BYTES, Vec::new());
    for object in objects.all() {
        object.value.each_dictionary(&mut |dictionary| {
            maps.extend(dictionary.members("ToUnicode"));
            for name in dictionary.members("Differences").flat_map(|list| names(objects, list)) {
                most = most.max(of_name(&name));
            }
        });
    }
    maps.sort_unstable_by_key(|map| if let Value::Reference(number) = map { *number } else { 0 });
    maps.dedup();
    for map in maps {
        let Value::Reference(number) = map else { continue };
        for object in objects.of(*number) {
            most = most.max(of_map(&objects.stream(object)?)?);
        }
    }
    Some(most + SEPARATOR_BYTES)
}

fn names(objects: &Objects<'_>, list: &Value) -> Vec<Vec<u8>> {
    let named = |value: &Value| match value {
        Value::List(list) => list
            .iter()
            .filter_map(
                |value| if let Value::Name(name) = value { Some(name.clone()) } else { None },
            )
            .collect(),
        _ => Vec::new(),
    };
    match list {
        Value::Reference(number) => {
            objects.of(*number).iter().flat_map(|object| named(&object.value)).collect()
        }
        other => named(other),
    }
}

/// `f_f_i` is three letters, `uni004100420043` three characters of four digits each.
fn of_name(name: &[u8]) -> u64 {
    let part = |part: &[u8]| match part {
        [] => 0,
        [letter] if letter.is_ascii() => 1,
        [b'u', b'n', b'i', digits @ ..] => {
            CHARACTER_BYTES * (digits.len() as u64).div_ceil(4).max(1)
        }
        _ => CHARACTER_BYTES,
    };
    name.split(|byte| *byte == b'_').map(part).sum()
}

/// The longest string of a map, read as the UTF-16 that a destination is.
fn of_map(map: &[u8]) -> Option<u64> {
    let mut lexer = Lexer::new(map, 0);
    let mut longest = 0u64;
    loop {
        let start = lexer.at;
        let Some(token) = lexer.next() else { return Some(longest) };
        if !matches!(token, crate::attachment::pdf::lexer::Token::Text(_)) {
            continue;
        }
        let digits: Vec<u8> =
            map[start..lexer.at].iter().copied().filter(u8::is_ascii_hexdigit).collect();
        let unit = |four: &[u8]| {
            std::str::from_utf8(four).ok().and_then(|four| u16::from_str_radix(four, 16).ok())
        };
        let units = digits.chunks(4).map(unit).collect::<Option<Vec<u16>>>()?;
        longest = longest.max(String::from_utf16_lossy(&units).len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_may_stand_for_several_characters() {
        assert_eq!(of_map(b"2 beginbfchar <01> <006600660069> <02> <4E2D> endbfchar"), Some(3));
        assert_eq!(of_map(b"1 beginbfchar <01> <4E2D4E2D4E2D4E2D> endbfchar"), Some(12));
        assert_eq!(of_name(b"f_f_i"), 3);
        assert_eq!(of_name(b"uni4E2D4E2D"), 6);
        assert_eq!(of_name(b"bullet"), 3);
    }
}
