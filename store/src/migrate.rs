//! The schema's history: numbered files, each applied once, none ever edited.
//!
//! Which of them are due is decided here. How they are run, under which lock, is each store's
//! business.

use ainfera_schema::audit::hex;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// One numbered file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub version: i32,
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    /// What must not change once it was applied.
    pub(crate) fn sha256(&self) -> String {
        hex(&Sha256::digest(self.sql.as_bytes()))
    }
}

/// A row of `schema_migrations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub version: i32,
    pub sha256: String,
}

pub(crate) const POSTGRES: &[Migration] = &[
    Migration {
        version: 1,
        name: "init",
        sql: include_str!("../../schema/migrations/postgres/0001_init.sql"),
    },
    Migration {
        version: 2,
        name: "replicas",
        sql: include_str!("../../schema/migrations/postgres/0002_replicas.sql"),
    },
    Migration {
        version: 3,
        name: "idempotency",
        sql: include_str!("../../schema/migrations/postgres/0003_idempotency.sql"),
    },
    Migration {
        version: 4,
        name: "wallets",
        sql: include_str!("../../schema/migrations/postgres/0004_wallets.sql"),
    },
    Migration {
        version: 5,
        name: "audit_checkpoints",
        sql: include_str!("../../schema/migrations/postgres/0005_audit_checkpoints.sql"),
    },
    Migration {
        version: 6,
        name: "audit_newest",
        sql: include_str!("../../schema/migrations/postgres/0006_audit_newest.sql"),
    },
    Migration {
        version: 7,
        name: "funding",
        sql: include_str!("../../schema/migrations/postgres/0007_funding.sql"),
    },
    Migration {
        version: 8,
        name: "audit_breaks",
        sql: include_str!("../../schema/migrations/postgres/0008_audit_breaks.sql"),
    },
    Migration {
        version: 9,
        name: "quarantine",
        sql: include_str!("../../schema/migrations/postgres/0009_quarantine.sql"),
    },
    Migration {
        version: 10,
        name: "rejected_strict",
        sql: include_str!("../../schema/migrations/postgres/0010_rejected_strict.sql"),
    },
];

pub(crate) const SQLITE: &[Migration] = &[
    Migration {
        version: 1,
        name: "init",
        sql: include_str!("../../schema/migrations/sqlite/0001_init.sql"),
    },
    Migration {
        version: 2,
        name: "replicas",
        sql: include_str!("../../schema/migrations/sqlite/0002_replicas.sql"),
    },
    Migration {
        version: 3,
        name: "idempotency",
        sql: include_str!("../../schema/migrations/sqlite/0003_idempotency.sql"),
    },
    Migration {
        version: 4,
        name: "wallets",
        sql: include_str!("../../schema/migrations/sqlite/0004_wallets.sql"),
    },
    Migration {
        version: 5,
        name: "audit_checkpoints",
        sql: include_str!("../../schema/migrations/sqlite/0005_audit_checkpoints.sql"),
    },
    Migration {
        version: 6,
        name: "audit_newest",
        sql: include_str!("../../schema/migrations/sqlite/0006_audit_newest.sql"),
    },
    Migration {
        version: 7,
        name: "funding",
        sql: include_str!("../../schema/migrations/sqlite/0007_funding.sql"),
    },
    Migration {
        version: 8,
        name: "audit_breaks",
        sql: include_str!("../../schema/migrations/sqlite/0008_audit_breaks.sql"),
    },
    Migration {
        version: 9,
        name: "quarantine",
        sql: include_str!("../../schema/migrations/sqlite/0009_quarantine.sql"),
    },
    Migration {
        version: 10,
        name: "rejected_strict",
        sql: include_str!("../../schema/migrations/sqlite/0010_rejected_strict.sql"),
    },
];

/// The migrations that are due after `applied`, in order. Refuses a history that is not the
/// beginning of ours.
pub(crate) fn due<'a>(
    migrations: &'a [Migration],
    applied: &[Applied],
) -> Result<&'a [Migration], StoreError> {
    if let Some(newest) = applied.get(migrations.len()) {
        return Err(StoreError::History(format!(
            "version {} is newer than this program",
            newest.version
        )));
    }
    for (known, found) in migrations.iter().zip(applied) {
        if known.version != found.version {
            return Err(StoreError::History(format!(
                "version {} was applied where {} was due",
                found.version, known.version
            )));
        }
        if known.sha256() != found.sha256 {
            return Err(StoreError::History(format!(
                "version {} ({}) differs from what was applied",
                known.version, known.name
            )));
        }
    }
    Ok(&migrations[applied.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { version: 1, name: "init", sql: "CREATE TABLE a (x)" };
    const SECOND: Migration = Migration { version: 2, name: "more", sql: "CREATE TABLE b (x)" };

    fn applied(migration: &Migration) -> Applied {
        Applied { version: migration.version, sha256: migration.sha256() }
    }

    fn versions(due: &[Migration]) -> Vec<i32> {
        due.iter().map(|migration| migration.version).collect()
    }

    #[test]
    fn only_what_is_missing_is_due() {
        let ours = [FIRST, SECOND];
        assert_eq!(versions(due(&ours, &[]).unwrap()), [1, 2]);
        assert_eq!(versions(due(&ours, &[applied(&FIRST)]).unwrap()), [2]);
        assert_eq!(versions(due(&ours, &[applied(&FIRST), applied(&SECOND)]).unwrap()), [0_i32; 0]);
    }

    #[test]
    fn edited_skipped_and_newer_histories_are_refused() {
        let edited = Applied { version: 1, sha256: SECOND.sha256() };
        assert!(matches!(due(&[FIRST, SECOND], &[edited]), Err(StoreError::History(_))));
        assert!(matches!(due(&[FIRST, SECOND], &[applied(&SECOND)]), Err(StoreError::History(_))));
        assert!(matches!(
            due(&[FIRST], &[applied(&FIRST), applied(&SECOND)]),
            Err(StoreError::History(_))
        ));
    }

    #[test]
    fn versions_count_up_from_one() {
        for migrations in [POSTGRES, SQLITE] {
            let expected: Vec<i32> = (1..).take(migrations.len()).collect();
            assert_eq!(versions(migrations), expected);
        }
    }
}
