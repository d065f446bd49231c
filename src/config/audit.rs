//! `[audit]`: with which key the heads of all chains are signed, where the checkpoints go besides
//! the database, and who may see them.

use std::path::PathBuf;

use ainfera_schema::checkpoint::{CheckpointSigner, from_hex};

use super::document::Section;
use super::environment::Environment;
use super::field::Field;
use super::secret;

/// Who may ask for the height, the public list of events and the public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditVisibility {
    /// Every caller that has a key.
    #[default]
    Callers,
    Everybody,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct AuditSettings {
    pub signer: Option<CheckpointSigner>,
    pub checkpoint_file: Option<PathBuf>,
    pub visibility: AuditVisibility,
}

pub(super) fn read(root: &Section<'_>, environment: &Environment<'_>) -> AuditSettings {
    root.field("audit")
        .and_then(|field| field.table(|section| Some(read_table(section, environment))))
        .unwrap_or_default()
}

fn read_table(section: &Section<'_>, environment: &Environment<'_>) -> AuditSettings {
    let public = section.field("public").and_then(|field| field.flag()).unwrap_or(false);
    AuditSettings {
        signer: section.field("signing_key").and_then(|field| read_key(&field, environment)),
        checkpoint_file: section
            .field("checkpoint_file")
            .and_then(|field| field.text().map(PathBuf::from)),
        visibility: if public { AuditVisibility::Everybody } else { AuditVisibility::Callers },
    }
}

fn read_key(field: &Field<'_>, environment: &Environment<'_>) -> Option<CheckpointSigner> {
    let secret = secret::read(field, environment)?;
    let seed = parse_seed(secret.expose());
    if seed.is_none() {
        field.refuse("must hold 32 bytes, as 64 lower hex digits or in base64");
    }
    seed.map(|seed| CheckpointSigner::new(&seed))
}

/// 32 bytes from lower hex or base64.
pub fn parse_seed(text: &str) -> Option<[u8; 32]> {
    from_hex(text).or_else(|| from_base64(text))
}

/// Base64 of exactly 32 bytes: 43 digits, with or without the `=`.
fn from_base64(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_suffix('=').unwrap_or(text).as_bytes();
    if digits.len() != 43 {
        return None;
    }
    let (mut bytes, mut bits, mut pending) = (Vec::with_capacity(32), 0_u32, 0_u32);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        pending = pending << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(pending >> bits & 0xff).ok()?);
        }
    }
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_hex_or_base64_of_thirty_two_bytes() {
        let bytes: [u8; 32] = std::array::from_fn(|index| index as u8);
        assert_eq!(
            parse_seed("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
            Some(bytes)
        );
        assert_eq!(parse_seed("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), Some(bytes));
        for text in [
            "",
            "00",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh",
            "!AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        ] {
            assert_eq!(parse_seed(text), None, "{text}");
        }
    }
}
