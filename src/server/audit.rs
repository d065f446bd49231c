//! The audit's key and file: those that are configured, or those beside the embedded database, made
//! on the first start.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ainfera_actors::capture::checkpointing::Checkpointing;
use ainfera_actors::capture::parting::{KeptPlace, Parted, kept_beside as signed_beside};
use ainfera_schema::audit::hex;
use ainfera_schema::checkpoint::CheckpointSigner;
use tokio::sync::watch;

use crate::config::audit::{AuditSettings, parse_seed};
use crate::config::spool::{Sharing, SpoolPlace};
use crate::config::{Config, DatabaseUrl};

#[derive(Debug, thiserror::Error)]
pub enum AuditKeyError {
    #[error("audit key {path}: {source}", path = path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("audit key {path} does not hold 32 bytes in hex or base64", path = .0.display())]
    Content(PathBuf),
    #[error("no random numbers for an audit key: {0}")]
    Random(getrandom::Error),
}

/// What the start needs to sign, and what it shows.
pub struct Signing {
    pub checkpointing: Checkpointing,
    pub public_key: String,
    pub parted: watch::Receiver<Parted>,
}

/// What the configuration comes to for this database. None: there is no key, so there are no
/// checkpoints.
pub fn signing(config: &Config) -> Result<Option<Signing>, AuditKeyError> {
    let Some(signer) = signer(&config.audit, &config.database)? else {
        tracing::warn!(
            "no audit.signing_key: audit chains are kept, but their heads are not signed"
        );
        return Ok(None);
    };
    let public_key = signer.public_key();
    let place = kept_place(&config.audit, &config.database, &config.spool, &config.replica);
    let (checkpointing, parted) = Checkpointing::new(Arc::new(signer), place);
    Ok(Some(Signing { checkpointing, public_key, parted }))
}

/// The configured key, or on SQLite the one beside the database, made if there is none.
pub fn signer(
    settings: &AuditSettings,
    database: &DatabaseUrl,
) -> Result<Option<CheckpointSigner>, AuditKeyError> {
    match (&settings.signer, database) {
        (Some(signer), _) => Ok(Some(signer.clone())),
        (None, DatabaseUrl::Sqlite(path)) => kept_beside(&key_file(path)).map(Some),
        (None, DatabaseUrl::Postgres(_)) => Ok(None),
    }
}

/// Where what was signed is kept outside of the database.
pub fn kept_place(
    settings: &AuditSettings,
    database: &DatabaseUrl,
    spool: &SpoolPlace,
    replica: &str,
) -> KeptPlace {
    // A spool that several processes compete for does not belong to the next start of this one.
    let recent = (spool.sharing == Sharing::Own).then(|| signed_beside(&spool.path));
    KeptPlace { recent, whole: checkpoint_file(settings, database), replica: replica.to_owned() }
}

/// Where checkpoints go besides the database.
pub fn checkpoint_file(settings: &AuditSettings, database: &DatabaseUrl) -> Option<PathBuf> {
    settings.checkpoint_file.clone().or_else(|| match database {
        DatabaseUrl::Sqlite(path) => Some(beside(path, ".checkpoints.jsonl")),
        DatabaseUrl::Postgres(_) => None,
    })
}

/// The public key that checkpoints of this database should have, as far as it can be told without
/// making one.
pub fn known_public_key(settings: &AuditSettings, database: &DatabaseUrl) -> Option<String> {
    let kept = || match database {
        DatabaseUrl::Sqlite(path) => {
            std::fs::read_to_string(key_file(path)).ok().and_then(|text| parse_seed(text.trim()))
        }
        DatabaseUrl::Postgres(_) => None,
    };
    settings
        .signer
        .clone()
        .or_else(|| kept().map(|seed| CheckpointSigner::new(&seed)))
        .map(|signer| signer.public_key())
}

fn key_file(database: &Path) -> PathBuf {
    beside(database, ".audit-key")
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn kept_beside(path: &Path) -> Result<CheckpointSigner, AuditKeyError> {
    let failed = |source| AuditKeyError::File { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => parse_seed(text.trim())
            .map(|seed| CheckpointSigner::new(&seed))
            .ok_or_else(|| AuditKeyError::Content(path.to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut seed = [0_u8; 32];
            getrandom::fill(&mut seed).map_err(AuditKeyError::Random)?;
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(failed)?;
            writeln!(file, "{}", hex(&seed)).and_then(|()| file.sync_all()).map_err(failed)?;
            let signer = CheckpointSigner::new(&seed);
            tracing::info!(path = %path.display(), public_key = signer.public_key(), "audit key made");
            Ok(signer)
        }
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_readable_by_its_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db.audit-key");
        let made = kept_beside(&path).unwrap().public_key();
        assert_eq!(kept_beside(&path).unwrap().public_key(), made);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(kept_beside(&path), Err(AuditKeyError::Content(_))));
    }
}
