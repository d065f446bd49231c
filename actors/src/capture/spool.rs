//! The spool's text: one closed call a line, each line with a digest of itself, so that a line that was cut by a crash is told from a whole one.
//! Pure: bytes in, calls out.

use ainfera_schema::RoutingOutcome;
use sha2::{Digest, Sha256};

/// How much of the digest is kept: enough to tell a torn line, and no protection against somebody who forges one.
const DIGEST_BYTES: usize = 8;

/// What a spool holds.
#[derive(Debug, Default, PartialEq)]
pub struct Spooled {
    /// In the order in which they were written; the same call may be there twice.
    pub outcomes: Vec<RoutingOutcome>,
    /// Lines that are not what was written: torn by a crash, or changed by somebody.
    pub damaged_lines: usize,
}

/// One line: 16 hex digits of the SHA-256 of the JSON, a space, the JSON, a line feed.
pub fn encode(outcome: &RoutingOutcome, into: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let json = serde_json::to_vec(outcome)?;
    into.extend_from_slice(digest(&json).as_bytes());
    into.push(b' ');
    into.extend_from_slice(&json);
    into.push(b'\n');
    Ok(())
}

/// Every whole line. A last line without its line feed was never acknowledged by the disk, but counts if its digest is right.
pub fn decode(bytes: &[u8]) -> Spooled {
    let mut spooled = Spooled::default();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match decode_line(line) {
            Some(outcome) => spooled.outcomes.push(outcome),
            None => spooled.damaged_lines += 1,
        }
    }
    spooled
}

fn decode_line(line: &[u8]) -> Option<RoutingOutcome> {
    let (claimed, rest) = line.split_at_checked(DIGEST_BYTES * 2)?;
    let json = rest.strip_prefix(b" ")?;
    if claimed != digest(json).as_bytes() {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn digest(json: &[u8]) -> String {
    Sha256::digest(json).iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::example::outcome;

    fn lines(outcomes: &[RoutingOutcome]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for outcome in outcomes {
            encode(outcome, &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let outcomes = vec![outcome("a\nb \u{2028}"), outcome("c")];
        let spooled = decode(&lines(&outcomes));
        assert_eq!(spooled, Spooled { outcomes, damaged_lines: 0 });
        assert_eq!(decode(b""), Spooled::default());
    }

    #[test]
    fn a_line_torn_anywhere_is_recognised_and_costs_no_other() {
        let whole = lines(&[outcome("first")]);
        let torn = lines(&[outcome("second")]);
        for cut in 1..torn.len() - 1 {
            let spooled = decode(&[&whole[..], &torn[..cut]].concat());
            assert_eq!((spooled.outcomes.len(), spooled.damaged_lines), (1, 1), "cut at {cut}");
            assert_eq!(spooled.outcomes[0].model_requested, "first");
        }
    }

    #[test]
    fn a_changed_byte_is_recognised() {
        let good = lines(&[outcome("first"), outcome("second")]);
        for at in 0..good.len() / 2 - 1 {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert!(decode(&bytes).damaged_lines >= 1, "byte {at}");
        }
    }
}
