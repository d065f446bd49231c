//! The spool's text: one closed call a line, each line with a digest of itself, so that a line that
//! was cut by a crash is told from a whole one. Pure: bytes in, calls out.

use ainfera_schema::RoutingOutcome;
use ainfera_store::{Closing, StoredAnswer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of the digest is kept: enough to tell a torn line, and no protection against somebody
/// who forges one.
const DIGEST_BYTES: usize = 8;

/// What a spool holds.
#[derive(Debug, Default, PartialEq)]
pub struct Spooled {
    /// In the order in which they were written; the same call may be there twice.
    pub closings: Vec<Closing>,
    /// Lines that are not what was written: torn by a crash, or changed by somebody.
    pub damaged_lines: usize,
}

/// The outcome's own fields, and beside them the answer to be given again. A line of an earlier
/// version has no answer, and reads the same.
#[derive(Serialize)]
struct Line<'l> {
    #[serde(flatten)]
    outcome: &'l RoutingOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: &'l Option<StoredAnswer>,
}

#[derive(Deserialize)]
struct WrittenLine {
    #[serde(flatten)]
    outcome: RoutingOutcome,
    #[serde(default)]
    answer: Option<StoredAnswer>,
}

/// One line: 16 hex digits of the SHA-256 of the JSON, a space, the JSON, a line feed.
pub fn encode(closing: &Closing, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let json = serde_json::to_vec(&Line { outcome: &closing.outcome, answer: &closing.answer })?;
    into.extend_from_slice(digest(&json).as_bytes());
    into.push(b' ');
    into.extend_from_slice(&json);
    into.push(b'\n');
    Ok(())
}

/// Every whole line. A last line without its line feed was never acknowledged by the disk, but
/// counts if its digest is right.
pub fn decode(bytes: &[u8]) -> Spooled {
    let mut spooled = Spooled::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match decode_line(line) {
            Some(closing) => spooled.closings.push(closing),
            None => spooled.damaged_lines += 1,
        }
    }
    spooled
}

fn decode_line(line: &[u8]) -> Option<Closing> {
    let (claimed, rest) = line.split_at_checked(DIGEST_BYTES * 2)?;
    let json = rest.strip_prefix(b" ")?;
    if claimed != digest(json).as_bytes() {
        return None;
    }
    let WrittenLine { outcome, answer } = serde_json::from_slice(json).ok()?;
    Some(Closing { outcome, answer })
}

fn digest(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::example::closing;

    fn lines(closings: &[Closing]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for closing in closings {
            encode(closing, &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn what_was_written_is_read_with_its_answer() {
        let answer =
            Some(StoredAnswer { frames: "event: a\ndata: {\"b\":\"\u{2028}\"}\n\n".into() });
        let closings = vec![closing("a\nb \u{2028}"), Closing { answer, ..closing("c") }];
        let spooled = decode(&lines(&closings));
        assert_eq!(spooled, Spooled { closings, damaged_lines: 0 });
        assert_eq!(decode(b""), Spooled::default());
    }

    #[test]
    fn a_line_of_the_version_before_answers_were_kept_is_read() {
        let closing = closing("old");
        let json = serde_json::to_string(&closing.outcome).unwrap();
        let line = format!("{} {json}\n", digest(json.as_bytes()));
        assert_eq!(decode(line.as_bytes()), Spooled { closings: vec![closing], damaged_lines: 0 });
    }

    #[test]
    fn a_line_torn_anywhere_is_recognised_and_costs_no_other() {
        let whole = lines(&[closing("first")]);
        let torn = lines(&[closing("second")]);
        for cut in 1..torn.len() - 1 {
            let spooled = decode(&[&whole[..], &torn[..cut]].concat());
            assert_eq!((spooled.closings.len(), spooled.damaged_lines), (1, 1), "cut at {cut}");
            assert_eq!(spooled.closings[0].outcome.model_requested, "first");
        }
    }

    #[test]
    fn a_changed_byte_is_recognised() {
        let good = lines(&[closing("first"), closing("second")]);
        for at in 0..good.len() / 2 - 1 {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(decode(&bytes).damaged_lines >= 1, "byte {at}");
        }
    }
}
