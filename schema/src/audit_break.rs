//! A declared break of the audit: an operator says, signed with the audit's key, that checkpoints
//! which were signed are not in the database any more, because a backup was restored or a standby
//! was promoted that lacked them. docs/audit.md says the rule exactly enough to build it anew.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::canonical_json;
use crate::checkpoint::{CheckpointFault, CheckpointSigner, Sealed, verify};

/// What every signed message begins with, so that the key's signatures mean nothing else.
const DOMAIN: &str = "ainfera audit break v1\n";

/// Events of one chain that were signed and are not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MissingEvents {
    pub agent_id: String,
    pub first_seq: i64,
    pub last_seq: i64,
    /// Of the last one.
    pub event_hash: String,
}

/// Whether every chain that lacks something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    Whole,
    /// What was kept outside did not reach back to where the branches part.
    InPart,
}

/// What was found to be missing. A replica says this before anybody declares anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parting {
    /// The newest checkpoint that both branches have, as far as is known; 0 if none is.
    pub parted_after: i64,
    /// When it was signed.
    pub parted_at: Option<String>,
    /// The newest checkpoint that was signed and is not there.
    pub lost_number: i64,
    pub lost_hash: String,
    pub lost_created_at: String,
    pub lost_tree_size: i64,
    /// In the listed chains.
    pub missing_events: i64,
    pub missing: Vec<MissingEvents>,
    pub listing: Listing,
    /// The replica, or the command, that found it.
    pub found_by: String,
}

/// One declared break. Hashes, key and signature are lower hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditBreak {
    /// From 1, without gaps.
    pub number: i64,
    pub created_at: String,
    pub declared_by: String,
    pub reason: String,
    /// The newest checkpoint of the database when this was declared; 0 and null if there was none.
    pub after_number: i64,
    pub after_hash: Option<String>,
    pub parting: Parting,
    /// Of the break before; null in the first one.
    pub previous_hash: Option<String>,
    pub hash: String,
    pub public_key: String,
    pub signature: String,
}

/// What the one who declares it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    pub declared_by: String,
    pub reason: String,
}

/// Where a break stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakPlace {
    pub number: i64,
    pub previous_hash: Option<String>,
    pub created_at: String,
    pub after_number: i64,
    pub after_hash: Option<String>,
}

impl AuditBreak {
    pub fn declare(
        parting: Parting,
        declaration: Declaration,
        place: BreakPlace,
        signer: &CheckpointSigner,
    ) -> Self {
        let mut declared = Self {
            number: place.number,
            created_at: place.created_at,
            declared_by: declaration.declared_by,
            reason: declaration.reason,
            after_number: place.after_number,
            after_hash: place.after_hash,
            parting,
            previous_hash: place.previous_hash,
            hash: String::new(),
            public_key: signer.public_key(),
            signature: String::new(),
        };
        (declared.hash, declared.signature) = signer.seal(&declared.message());
        declared
    }

    /// Everything but hash and signature.
    fn message(&self) -> String {
        let mut body = serde_json::to_value(self).unwrap_or(Value::Null);
        if let Some(fields) = body.as_object_mut() {
            fields.remove("hash");
            fields.remove("signature");
        }
        format!("{DOMAIN}{}", canonical_json(&body))
    }

    /// Checks what can be seen of one break alone. `trusted` are public keys in hex.
    pub fn check(&self, trusted: &[String]) -> Result<(), CheckpointFault> {
        verify(
            &self.message(),
            Sealed { hash: &self.hash, public_key: &self.public_key, signature: &self.signature },
            trusted,
        )
    }

    /// Whether a checkpoint of this number, which is not the database's of this number, is among
    /// those that this break names.
    pub fn names(&self, number: i64) -> bool {
        self.parting.parted_after < number && number <= self.parting.lost_number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> AuditBreak {
        let parting = Parting {
            parted_after: 4,
            parted_at: None,
            lost_number: 7,
            lost_hash: "ab".repeat(32),
            lost_created_at: "2026-11-23T12:00:00.000000Z".to_owned(),
            lost_tree_size: 20,
            missing_events: 3,
            missing: vec![MissingEvents {
                agent_id: "a".to_owned(),
                first_seq: 2,
                last_seq: 4,
                event_hash: "cd".repeat(32),
            }],
            listing: Listing::Whole,
            found_by: "one".to_owned(),
        };
        let declaration =
            Declaration { declared_by: "somebody".to_owned(), reason: "restored".to_owned() };
        let place = BreakPlace {
            number: 1,
            previous_hash: None,
            created_at: "2026-11-23T13:00:00.000000Z".to_owned(),
            after_number: 4,
            after_hash: Some("ef".repeat(32)),
        };
        AuditBreak::declare(parting, declaration, place, &CheckpointSigner::new(&[1; 32]))
    }

    #[test]
    fn every_field_is_signed() {
        let whole = declared();
        let trusted = [whole.public_key.clone()];
        assert_eq!(whole.check(&trusted), Ok(()));
        let again: AuditBreak =
            serde_json::from_str(&serde_json::to_string(&whole).unwrap()).unwrap();
        assert_eq!(again.check(&trusted), Ok(()));
        let mut fewer = whole.clone();
        fewer.parting.missing.clear();
        let reworded = AuditBreak { reason: "lost".to_owned(), ..whole.clone() };
        let moved = AuditBreak { after_number: 5, ..whole.clone() };
        for altered in [fewer, reworded, moved] {
            assert_eq!(altered.check(&trusted), Err(CheckpointFault::Hash));
        }
        assert_eq!(
            whole.check(&[CheckpointSigner::new(&[2; 32]).public_key()]),
            Err(CheckpointFault::Key)
        );
    }

    #[test]
    fn it_names_what_was_signed_after_the_branches_part_and_nothing_newer() {
        let named: Vec<i64> = (3..10).filter(|number| declared().names(*number)).collect();
        assert_eq!(named, [5, 6, 7]);
    }
}
