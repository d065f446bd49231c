//! API keys: `ainf_<key id>_<secret>`, letters, digits and underscores only, so that a double click
//! selects the whole of it.
//!
//! The id finds the key in the store; of the secret only the SHA-256 is kept. A secret is 256
//! random bits, so nothing slower is needed.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "ainf_";
const KEY_ID_LETTERS: usize = 12;
const SECRET_LETTERS: usize = 43;
const BASE_32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const BASE_62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The whole key. It is shown once, when it is made; its `Debug` form hides it.
pub struct ApiKeyText(String);

/// A key that was just made.
#[derive(Debug)]
pub struct MintedKey {
    pub text: ApiKeyText,
    pub key_id: String,
    pub secret_sha256: [u8; 32],
}

/// A key as a caller presents it: well-formed, and no more than that.
#[derive(Debug, PartialEq, Eq)]
pub struct ParsedKey<'k> {
    pub key_id: &'k str,
    pub secret_sha256: [u8; 32],
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes from the operating system: {0}")]
pub struct MintError(getrandom::Error);

/// A new key.
pub fn mint() -> Result<MintedKey, MintError> {
    let mut id_bytes = [0; KEY_ID_LETTERS];
    getrandom::fill(&mut id_bytes).map_err(MintError)?;
    // 256 is a multiple of 32: every letter is as likely as any other
    let key_id: String =
        id_bytes.iter().map(|byte| char::from(BASE_32[usize::from(byte % 32)])).collect();
    let mut secret_bytes = [0; 32];
    getrandom::fill(&mut secret_bytes).map_err(MintError)?;
    let secret = base_62(secret_bytes);
    Ok(MintedKey {
        text: ApiKeyText(format!("{PREFIX}{key_id}_{secret}")),
        secret_sha256: sha256(&secret),
        key_id,
    })
}

/// The parts of a key, or `None` when the text cannot be one.
pub fn parse(text: &str) -> Option<ParsedKey<'_>> {
    let (key_id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let is_key_id =
        key_id.len() == KEY_ID_LETTERS && key_id.bytes().all(|byte| BASE_32.contains(&byte));
    let is_secret =
        secret.len() == SECRET_LETTERS && secret.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_key_id && is_secret).then(|| ParsedKey { key_id, secret_sha256: sha256(secret) })
}

impl ApiKeyText {
    /// The key itself, to be shown to its owner.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ParsedKey<'_> {
    /// Whether the stored hash is this secret's. Takes as long for a near miss as for a far one.
    pub fn matches(&self, stored_sha256: &[u8; 32]) -> bool {
        self.secret_sha256.ct_eq(stored_sha256).into()
    }
}

fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The bytes as one big number in base 62, all 43 digits of it: 62^43 is just above 2^256.
fn base_62(mut bytes: [u8; 32]) -> String {
    let mut digits = [0_u8; SECRET_LETTERS];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut bytes {
            let value = (remainder << 8) | u32::from(*byte);
            // Below 256, because the remainder before it is below 62.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = BASE_62[remainder as usize];
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_key_parses_back_to_its_parts() {
        let minted = mint().unwrap();
        let text = minted.text.expose();
        assert_eq!(text.len(), 5 + 12 + 1 + 43);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{text}");
        let parsed = parse(text).unwrap();
        assert_eq!(
            parsed,
            ParsedKey { key_id: &minted.key_id, secret_sha256: minted.secret_sha256 }
        );
        assert!(parsed.matches(&minted.secret_sha256));
    }

    #[test]
    fn two_keys_share_nothing() {
        let (first, second) = (mint().unwrap(), mint().unwrap());
        assert_ne!(first.key_id, second.key_id);
        assert!(!parse(first.text.expose()).unwrap().matches(&second.secret_sha256));
    }

    #[test]
    fn one_wrong_letter_does_not_match() {
        let minted = mint().unwrap();
        let mut text = minted.text.expose().to_owned();
        let last = if text.ends_with('0') { '1' } else { '0' };
        text.pop();
        text.push(last);
        assert!(!parse(&text).unwrap().matches(&minted.secret_sha256));
    }

    #[test]
    fn what_cannot_be_a_key_is_not_hashed() {
        let secret = "a".repeat(43);
        assert!(parse(&format!("ainf_abcdefghijkl_{secret}")).is_some());
        for text in [
            String::new(),
            "ainf_".into(),
            "sk-ant-1".into(),
            format!("ainf_abcdefghijkl{secret}"),
            format!("ainf_abcdefghijk_{secret}"),
            format!("ainf_ABCDEFGHIJKL_{secret}"),
            format!("ainf_abcdefghijk1_{secret}"),
            format!("ainf_abcdefghijkl_{secret}b"),
            format!("ainf_abcdefghijkl_{}_", &secret[1..]),
            format!("AINF_abcdefghijkl_{secret}"),
            format!("ainf_abcdefghijkl_{}ä", &secret[2..]),
        ] {
            assert_eq!(parse(&text), None, "{text}");
        }
    }

    #[test]
    fn base_62_is_the_whole_number() {
        assert_eq!(base_62([0; 32]), "0".repeat(43));
        let mut bytes = [0; 32];
        bytes[31] = 61;
        assert_eq!(base_62(bytes), format!("{}z", "0".repeat(42)));
        bytes[30] = 1;
        // 256 + 61 = 5 * 62 + 7
        assert_eq!(base_62(bytes), format!("{}57", "0".repeat(41)));
        assert_ne!(base_62([255; 32]).chars().next(), Some('0'));
    }

    #[test]
    fn a_key_does_not_show() {
        let minted = mint().unwrap();
        assert!(!format!("{minted:?}").contains(minted.text.expose()));
    }
}
