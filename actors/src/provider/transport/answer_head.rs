//! The head of an answer, before the HTTP codec sees it. The codec takes an interim response for
//! the answer, and an answer whose end is the end of the connection for an empty one; both are put
//! right here, and nothing else is.

use bytes::{Buf, BytesMut};

/// Heads together longer than this are no answer.
const MAX_BYTES: usize = 64 << 10;
/// As many as the codec takes.
const MAX_HEADER_LINES: usize = 96;

/// Collects bytes until the final head is whole.
#[derive(Debug, Default)]
pub struct AnswerHead {
    pending: BytesMut,
    received: usize,
    /// How much of `pending` was searched for the head's end.
    searched: usize,
}

/// Why the bytes are no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("the answer's head is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    #[error("the provider speaks TLS on this port: its base_url must begin with https://")]
    SpeaksTls,
}

impl AnswerHead {
    /// Takes what was read. When the final head is whole: it, and what came after it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<BytesMut>, HeadFault> {
        self.received += bytes.len();
        self.pending.extend_from_slice(bytes);
        check_beginning(&self.pending)?;
        while let Some(length) = self.head_length() {
            let head = parsed(&self.pending[..length])?;
            if !head.is_interim {
                let mut answer = std::mem::take(&mut self.pending);
                if head.ends_with_the_connection {
                    end_with_connection(&mut answer);
                }
                return Ok(Some(answer));
            }
            self.pending.advance(length);
            self.searched = 0;
            check_beginning(&self.pending)?;
        }
        if self.received > MAX_BYTES { Err(HeadFault::TooLong) } else { Ok(None) }
    }

    pub fn is_empty(&self) -> bool {
        self.received == 0
    }

    /// Where the first head ends, if it does: after an empty line.
    fn head_length(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(3);
        for (offset, _) in
            self.pending[from..].iter().enumerate().filter(|(_, byte)| **byte == b'\n')
        {
            let end = from + offset + 1;
            let head = &self.pending[..end];
            // a line break before the status line is no head
            if (head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n"))
                && !head.trim_ascii().is_empty()
            {
                return Some(end);
            }
        }
        self.searched = self.pending.len();
        None
    }
}

/// What of a head matters here.
struct Parsed {
    is_interim: bool,
    ends_with_the_connection: bool,
}

fn parsed(head: &[u8]) -> Result<Parsed, HeadFault> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADER_LINES];
    let mut response = httparse::Response::new(&mut headers);
    let mut config = httparse::ParserConfig::default();
    config.allow_spaces_after_header_name_in_responses(true);
    match config.parse_response(&mut response, head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(HeadFault::TooLong),
        Ok(httparse::Status::Partial) | Err(_) => return Err(HeadFault::NotHttp),
    }
    let status = response.code.unwrap_or_default();
    let says_length = response.headers.iter().any(|header| {
        ["content-length", "transfer-encoding"]
            .iter()
            .any(|name| header.name.eq_ignore_ascii_case(name))
    });
    Ok(Parsed {
        is_interim: (100..200).contains(&status) && status != 101,
        ends_with_the_connection: response.version == Some(1)
            && !says_length
            && !matches!(status, 101 | 204 | 304),
    })
}

/// In HTTP/1.0 an answer without a length ends with the connection, and that is what this one
/// means.
fn end_with_connection(answer: &mut BytesMut) {
    const VERSION: &[u8] = b"HTTP/1.1";
    if let Some(at) = answer.windows(VERSION.len()).position(|window| window == VERSION) {
        answer[at + VERSION.len() - 1] = b'0';
    }
}

fn check_beginning(bytes: &[u8]) -> Result<(), HeadFault> {
    const BEGINNING: &[u8] = b"HTTP/1.";
    /// Content types of TLS records: alert and handshake.
    const TLS: [u8; 2] = [21, 22];
    let Some(start) = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')) else {
        return Ok(());
    };
    let bytes = &bytes[start..];
    let known = bytes.len().min(BEGINNING.len());
    match bytes {
        _ if bytes[..known] == BEGINNING[..known] => Ok(()),
        [kind, 3, ..] if TLS.contains(kind) => Err(HeadFault::SpeaksTls),
        [kind] if TLS.contains(kind) => Ok(()),
        _ => Err(HeadFault::NotHttp),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<String>, HeadFault> {
        Ok(AnswerHead::default()
            .push(bytes)?
            .map(|answer| String::from_utf8_lossy(&answer).into_owned()))
    }

    #[test]
    fn interim_responses_are_left_out() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        for interim in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
            "HTTP/1.1 102 P\r\n\r\nHTTP/1.1 100 C\r\n\r\n",
        ] {
            assert_eq!(read(format!("{interim}{answer}").as_bytes()), Ok(Some(answer.to_owned())));
            assert_eq!(read(interim.as_bytes()), Ok(None));
        }
    }

    #[test]
    fn an_answer_without_a_length_ends_with_the_connection() {
        assert_eq!(
            read(b"HTTP/1.1 200 OK\r\nx: y\r\n\r\nhi"),
            Ok(Some("HTTP/1.0 200 OK\r\nx: y\r\n\r\nhi".to_owned()))
        );
        for whole in [
            "HTTP/1.1 204 No\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 201 C\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.0 200 OK\n\n",
        ] {
            assert_eq!(read(whole.as_bytes()), Ok(Some(whole.to_owned())));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_at_once() {
        assert_eq!(read(b"SSH-2.0"), Err(HeadFault::NotHttp));
        assert_eq!(read(&[21, 3, 3, 0, 2, 2, 70]), Err(HeadFault::SpeaksTls));
        assert_eq!(read(b"HTTP/1.1 abc\r\n\r\n"), Err(HeadFault::NotHttp));
        let mut head = AnswerHead::default();
        head.push(b"HTTP/1.1 200 OK\r\n").unwrap();
        let flood = (0..10_000).find_map(|_| head.push(b"x-flood: 1234567890123456\r\n").err());
        assert_eq!(flood, Some(HeadFault::TooLong));
        let mut interim = AnswerHead::default();
        let flood = (0..10_000).find_map(|_| interim.push(b"HTTP/1.1 100 Continue\r\n\r\n").err());
        assert_eq!(flood, Some(HeadFault::TooLong));
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_answer(cuts in prop::collection::vec(0usize..120, 0..12)) {
            let text = b"\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody";
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut head = AnswerHead::default();
            let mut answer: Option<Vec<u8>> = None;
            for piece in cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]) {
                match &mut answer {
                    Some(answer) => answer.extend_from_slice(piece),
                    None => answer = head.push(piece).unwrap().map(|bytes| bytes.to_vec()),
                }
            }
            prop_assert_eq!(answer.unwrap(), b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody".to_vec());
        }
    }
}
