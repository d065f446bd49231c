//! How the bytes of a stream are packed, as far as it can be undone here: as text, as hexadecimal
//! digits, deflated, or one in the other.

use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use crate::attachment::pdf::value::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    Flate,
    Ascii85,
    AsciiHex,
}

impl Filter {
    /// Those that `Filter` names, the outermost first. `None` where one of them is not known here.
    pub(super) fn all(values: &[&Value]) -> Option<Vec<Filter>> {
        match values {
            [] => Some(Vec::new()),
            [Value::List(list)] => list.iter().map(Self::named).collect(),
            [one] => Some(vec![Self::named(one)?]),
            _ => None,
        }
    }

    fn named(value: &Value) -> Option<Filter> {
        let Value::Name(name) = value else { return None };
        match name.as_slice() {
            b"FlateDecode" => Some(Filter::Flate),
            b"ASCII85Decode" => Some(Filter::Ascii85),
            b"ASCIIHexDecode" => Some(Filter::AsciiHex),
            _ => None,
        }
    }

    /// `packed` may go on behind its end. `None` where it is broken, or unpacks to more than there
    /// is room for.
    pub(super) fn undo(self, packed: &[u8], room: usize) -> Option<Vec<u8>> {
        let unpacked = match self {
            Filter::Flate => decompress_to_vec_zlib_with_limit(packed, room).ok()?,
            Filter::Ascii85 => ascii85(packed, room)?,
            Filter::AsciiHex => hexadecimal(packed, room)?,
        };
        (unpacked.len() <= room).then_some(unpacked)
    }
}

/// Groups of five digits of base 85, up to `~`.
fn ascii85(packed: &[u8], room: usize) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'~', packed)?;
    let (mut bytes, mut group) = (Vec::new(), Vec::with_capacity(5));
    for byte in packed[..end].iter().filter(|byte| !crate::attachment::pdf::lexer::is_space(**byte))
    {
        match byte {
            b'z' if group.is_empty() => bytes.extend([0; 4]),
            b'!'..=b'u' => group.push(byte - b'!'),
            _ => return None,
        }
        if group.len() == 5 {
            bytes.extend(word(&group)?);
            group.clear();
        }
        if bytes.len() > room {
            return None;
        }
    }
    let digits = group.len();
    if digits > 1 {
        group.resize(5, 84);
        bytes.extend(&word(&group)?[..digits - 1]);
    }
    Some(bytes)
}

fn word(group: &[u8]) -> Option<[u8; 4]> {
    let value = group
        .iter()
        .try_fold(0u32, |value, digit| value.checked_mul(85)?.checked_add(u32::from(*digit)))?;
    Some(value.to_be_bytes())
}

fn hexadecimal(packed: &[u8], room: usize) -> Option<Vec<u8>> {
    let end = memchr::memchr(b'>', packed)?;
    let digits: Vec<u8> = packed[..end]
        .iter()
        .copied()
        .filter(|byte| !crate::attachment::pdf::lexer::is_space(*byte))
        .collect();
    if digits.len() / 2 > room {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits
        .chunks(2)
        .map(|pair| Some(digit(pair[0])? << 4 | pair.get(1).map_or(Some(0), |low| digit(*low))?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_packing_is_undone() {
        assert_eq!(
            Filter::Ascii85.undo(b"87cUR\nD]i,\"Ebo80~>rest", 99).as_deref(),
            Some(&b"Hello World!"[..])
        );
        assert_eq!(Filter::Ascii85.undo(b"z87cURDZ~>", 99).as_deref(), Some(&b"\0\0\0\0Hello"[..]));
        assert_eq!(Filter::AsciiHex.undo(b"48 65 6c6C 7>", 99).as_deref(), Some(&b"Hellp"[..]));
        for (filter, packed) in [
            (Filter::Ascii85, &b"87cUR"[..]),
            (Filter::Ascii85, b"uuuuu~>"),
            (Filter::AsciiHex, b"4g>"),
            (Filter::Flate, b"x"),
        ] {
            assert_eq!(filter.undo(packed, 99), None, "{filter:?}");
        }
        assert_eq!(Filter::Ascii85.undo(b"zzzzzzzz~>", 8), None, "there is no room");
    }
}
