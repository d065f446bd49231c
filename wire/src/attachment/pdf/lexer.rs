//! The words of a PDF, of its objects and of what its pages draw alike.

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// With what `#` stood for.
    Name(Vec<u8>),
    Whole(i64),
    /// A string: not fewer bytes than any reader finds in it.
    Text(usize),
    ListStart,
    ListEnd,
    DictionaryStart,
    DictionaryEnd,
    /// An operator, a keyword, a number with a fraction.
    Word(&'a [u8]),
}

#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    pub at: usize,
    /// Of comments, which another reader may not take for such.
    pub comment_bytes: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, comment_bytes: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let byte = *self.bytes.get(self.at)?;
        let start = self.at;
        self.at += 1;
        let follows = |next: u8| self.bytes.get(start + 1) == Some(&next);
        Some(match byte {
            b'/' => Token::Name(self.name()),
            b'(' => Token::Text(self.literal()),
            b'<' if follows(b'<') => self.two(Token::DictionaryStart),
            b'<' => Token::Text(self.hexadecimal()),
            b'>' if follows(b'>') => self.two(Token::DictionaryEnd),
            b'[' => Token::ListStart,
            b']' => Token::ListEnd,
            _ => {
                self.at +=
                    self.bytes[self.at..].iter().take_while(|byte| is_regular(**byte)).count();
                let word = &self.bytes[start..self.at];
                let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
                number.map_or(Token::Word(word), Token::Whole)
            }
        })
    }

    /// Goes past the token if it is the next.
    pub(super) fn take(&mut self, expected: &Token<'_>) -> bool {
        let mut ahead = self.clone();
        let is_next = ahead.next().as_ref() == Some(expected);
        if is_next {
            *self = ahead;
        }
        is_next
    }

    /// The object that a number begins to name: `12 0 R`.
    pub(super) fn reference_from(&mut self, number: i64) -> Option<u32> {
        let number = u32::try_from(number).ok()?;
        let mut ahead = self.clone();
        let is_reference =
            matches!(ahead.next()?, Token::Whole(_)) && ahead.next()? == Token::Word(b"R");
        if is_reference {
            *self = ahead;
        }
        is_reference.then_some(number)
    }

    fn two(&mut self, token: Token<'a>) -> Token<'a> {
        self.at += 1;
        token
    }

    fn skip_space(&mut self) {
        while let Some(byte) = self.bytes.get(self.at) {
            if *byte == b'%' {
                let length = self.bytes[self.at..]
                    .iter()
                    .take_while(|byte| !matches!(byte, b'\r' | b'\n'))
                    .count();
                self.comment_bytes += length;
                self.at += length;
            } else if is_space(*byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn name(&mut self) -> Vec<u8> {
        let length = self.bytes[self.at..].iter().take_while(|byte| is_regular(**byte)).count();
        let said = &self.bytes[self.at..self.at + length];
        self.at += length;
        let mut name = Vec::with_capacity(length);
        let mut at = 0;
        while at < said.len() {
            let escaped = said.get(at + 1..at + 3).filter(|_| said[at] == b'#');
            let escaped = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
            match escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    name.push(byte);
                    at += 3;
                }
                None => {
                    name.push(said[at]);
                    at += 1;
                }
            }
        }
        name
    }

    /// Up to the bracket that closes it; escapes count as they stand, which is more than they mean.
    fn literal(&mut self) -> usize {
        let start = self.at;
        let mut open = 1usize;
        while open > 0 {
            match self.bytes.get(self.at) {
                None => break,
                Some(b'\\') => self.at += 1,
                Some(b'(') => open += 1,
                Some(b')') => open -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.bytes.len());
        self.at - start
    }

    /// Two digits are a byte. Whatever else stands there may be something else to another reader.
    fn hexadecimal(&mut self) -> usize {
        let rest = &self.bytes[self.at..];
        let length = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.bytes.len());
        let is_plain =
            rest[..length].iter().all(|byte| byte.is_ascii_hexdigit() || is_space(*byte));
        if is_plain { length.div_ceil(2) } else { length }
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte)
        && !matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        let mut lexer = Lexer::new(text.as_bytes(), 0);
        std::iter::from_fn(|| lexer.next()).collect()
    }

    #[test]
    fn a_string_counts_at_least_what_any_reader_finds_in_it() {
        assert_eq!(tokens(r"(a(b)c\)d) Tj"), [Token::Text(9), Token::Word(b"Tj")]);
        assert_eq!(tokens("<48 65 6c>(never closed"), [Token::Text(4), Token::Text(12)]);
        assert_eq!(tokens("<no hexadecimal>"), [Token::Text(14)]);
    }

    #[test]
    fn a_name_is_what_its_escapes_mean() {
        assert_eq!(
            tokens("/P#61ge/A#zB"),
            [Token::Name(b"Page".to_vec()), Token::Name(b"A#zB".to_vec())]
        );
        assert_eq!(tokens("<</K[1 -2]>>").len(), 7);
        assert_eq!(tokens("% said\n7"), [Token::Whole(7)]);
    }
}
