//! Checkpoints: what a chain alone cannot show is that its end was cut off. So the heads of all
//! chains are signed again and again, each time linked to the signature before. docs/audit.md says
//! the rule exactly enough to build it anew.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::audit::{canonical_json, hex};

/// What every signed message begins with, so that the key's signatures mean nothing else.
const DOMAIN: &str = "ainfera checkpoint v1\n";

/// The newest event of one agent's chain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Lower case, hyphenated.
    pub agent_id: String,
    pub seq: i64,
    pub event_hash: String,
}

impl ChainHead {
    pub fn canonical_json(&self) -> String {
        let plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if plain(&self.agent_id) && plain(&self.event_hash) {
            // The same text, without building a value: a verifier does this for every head.
            return format!(
                r#"{{"agent_id":"{}","event_hash":"{}","seq":{}}}"#,
                self.agent_id, self.event_hash, self.seq
            );
        }
        canonical_json(
            &json!({"agent_id": self.agent_id, "seq": self.seq, "event_hash": self.event_hash}),
        )
    }
}

/// One checkpoint. Hashes, key and signature are lower hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// From 1, without gaps.
    pub number: i64,
    /// RFC 3339 in UTC with microseconds.
    pub created_at: String,
    /// Events in all chains.
    pub tree_size: i64,
    /// Chains that have an event.
    pub heads_count: i64,
    pub merkle_root: String,
    /// Null in the first one.
    pub previous_hash: Option<String>,
    pub hash: String,
    pub public_key: String,
    pub signature: String,
    /// The heads that changed since the checkpoint before, sorted by agent.
    pub heads: Vec<ChainHead>,
}

/// What of a checkpoint does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    #[error("hash does not match the content")]
    Hash,
    #[error("signed with a key that is not trusted")]
    Key,
    #[error("signature does not match")]
    Signature,
}

impl Checkpoint {
    /// What is hashed and signed: everything but hash, signature and heads, which the root stands
    /// for.
    fn message(&self) -> String {
        let body = json!({
            "number": self.number, "created_at": self.created_at, "tree_size": self.tree_size, "heads_count": self.heads_count,
            "merkle_root": self.merkle_root, "previous_hash": self.previous_hash, "public_key": self.public_key,
        });
        format!("{DOMAIN}{}", canonical_json(&body))
    }

    /// Checks what can be seen of one checkpoint alone. `trusted` are public keys in hex.
    pub fn check(&self, trusted: &[String]) -> Result<(), CheckpointFault> {
        verify(
            &self.message(),
            Sealed { hash: &self.hash, public_key: &self.public_key, signature: &self.signature },
            trusted,
        )
    }
}

/// What stands beside a signed message.
pub(crate) struct Sealed<'s> {
    pub hash: &'s str,
    pub public_key: &'s str,
    pub signature: &'s str,
}

/// Whether hash, key and signature are those of the message.
pub(crate) fn verify(
    message: &str,
    sealed: Sealed<'_>,
    trusted: &[String],
) -> Result<(), CheckpointFault> {
    if hex(&Sha256::digest(message.as_bytes())) != sealed.hash {
        return Err(CheckpointFault::Hash);
    }
    if !trusted.iter().any(|key| key == sealed.public_key) {
        return Err(CheckpointFault::Key);
    }
    let key = from_hex::<32>(sealed.public_key)
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .ok_or(CheckpointFault::Key)?;
    let signature = from_hex::<64>(sealed.signature).ok_or(CheckpointFault::Signature)?;
    key.verify_strict(message.as_bytes(), &Signature::from_bytes(&signature))
        .map_err(|_| CheckpointFault::Signature)
}

/// A checkpoint's content before it is signed.
#[derive(Debug, Clone)]
pub struct Unsigned {
    pub number: i64,
    pub created_at: String,
    pub tree_size: i64,
    pub heads_count: i64,
    pub merkle_root: [u8; 32],
    pub previous_hash: Option<String>,
    pub heads: Vec<ChainHead>,
}

/// Holds the private key. Its debug form shows the public one.
#[derive(Clone)]
pub struct CheckpointSigner(SigningKey);

impl CheckpointSigner {
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Lower hex.
    pub fn public_key(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }

    pub fn sign(&self, unsigned: Unsigned) -> Checkpoint {
        let mut checkpoint = Checkpoint {
            number: unsigned.number,
            created_at: unsigned.created_at,
            tree_size: unsigned.tree_size,
            heads_count: unsigned.heads_count,
            merkle_root: hex(&unsigned.merkle_root),
            previous_hash: unsigned.previous_hash,
            hash: String::new(),
            public_key: self.public_key(),
            signature: String::new(),
            heads: unsigned.heads,
        };
        (checkpoint.hash, checkpoint.signature) = self.seal(&checkpoint.message());
        checkpoint
    }

    /// Hash and signature of a message, which begins with what it is.
    pub(crate) fn seal(&self, message: &str) -> (String, String) {
        (hex(&Sha256::digest(message.as_bytes())), hex(&self.0.sign(message.as_bytes()).to_bytes()))
    }
}

impl std::fmt::Debug for CheckpointSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckpointSigner({})", self.public_key())
    }
}

/// Bytes from exactly their lower hex digits.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(seed: u8) -> Checkpoint {
        CheckpointSigner::new(&[seed; 32]).sign(Unsigned {
            number: 1,
            created_at: "2026-11-23T12:00:00.000000Z".to_owned(),
            tree_size: 2,
            heads_count: 1,
            merkle_root: [7; 32],
            previous_hash: None,
            heads: Vec::new(),
        })
    }

    #[test]
    fn a_signature_holds_for_its_content_and_its_key_only() {
        let checkpoint = signed(1);
        let trusted = [checkpoint.public_key.clone()];
        assert_eq!(checkpoint.check(&trusted), Ok(()));
        assert_eq!(signed(2).check(&trusted), Err(CheckpointFault::Key));
        let altered = Checkpoint { tree_size: 3, ..checkpoint.clone() };
        assert_eq!(altered.check(&trusted), Err(CheckpointFault::Hash));
        let borrowed = Checkpoint { signature: signed(2).signature, ..checkpoint };
        assert_eq!(borrowed.check(&trusted), Err(CheckpointFault::Signature));
    }

    #[test]
    fn hex_is_lower_case_and_whole() {
        assert_eq!(from_hex::<2>("0aff"), Some([10, 255]));
        for text in ["0AFF", "0af", "0afg", "0aff00"] {
            assert_eq!(from_hex::<2>(text), None, "{text}");
        }
    }
}
