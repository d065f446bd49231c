//! Where closed calls wait while the store is away.

use std::fmt::Write;
use std::path::PathBuf;

use super::database::DatabaseUrl;

/// What the file was called before it had its replica's name.
const FORMER: &str = "ainfera.spool";

/// A name on a disk is at most 255 bytes.
const LONGEST_NAME: usize = 200;

/// Whether other processes may use the same file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// It belongs to one replica, which finds it again at its next start.
    Own,
    /// Whichever process needs it first has it: replicas without a lasting name, as tests start
    /// them.
    FirstCome,
}

/// The spool of one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolPlace {
    pub path: PathBuf,
    pub sharing: Sharing,
    /// Where an earlier version may have left calls; looked at when a process starts.
    pub former: Option<PathBuf>,
}

impl SpoolPlace {
    /// Where the operator says.
    pub fn at(path: PathBuf) -> Self {
        Self { path, sharing: Sharing::Own, former: None }
    }

    /// Beside the file that it stands in for, or in the folder where the process was started, under
    /// its replica's name: several may be started there. A replica without a lasting name would
    /// never find what it left under its own.
    pub fn default_of(database: &DatabaseUrl, replica: Option<&str>) -> Self {
        match (database, replica) {
            (DatabaseUrl::Sqlite(path), _) => {
                let mut path = path.clone().into_os_string();
                path.push(".spool");
                Self::at(path.into())
            }
            (DatabaseUrl::Postgres(_), None) => {
                Self { sharing: Sharing::FirstCome, ..Self::at(PathBuf::from(FORMER)) }
            }
            (DatabaseUrl::Postgres(_), Some(replica)) => {
                let path = PathBuf::from(format!("ainfera-{}.spool", file_name(replica)));
                Self { path, sharing: Sharing::Own, former: Some(PathBuf::from(FORMER)) }
            }
        }
    }
}

/// The replica's name in letters that every disk takes, so that no two names become the same.
fn file_name(replica: &str) -> String {
    let mut name = String::new();
    for byte in replica.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                name.push(char::from(byte))
            }
            // Writing to a string cannot fail.
            other => drop(write!(name, "%{other:02X}")),
        }
    }
    name.truncate(LONGEST_NAME);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn default_of(database: &str, replica: &str) -> SpoolPlace {
        SpoolPlace::default_of(&database.parse().unwrap(), Some(replica))
    }

    #[test]
    fn on_a_shared_database_each_replica_has_its_own_and_the_old_name_is_remembered() {
        let one = default_of("postgres://h/d", "one");
        assert_eq!(
            (one.path, one.former),
            ("ainfera-one.spool".into(), Some("ainfera.spool".into()))
        );
        assert_eq!(
            default_of("postgres://h/d", "db/host:8080").path,
            PathBuf::from("ainfera-db%2Fhost%3A8080.spool")
        );
        assert_ne!(
            default_of("postgres://h/d", "a:1").path,
            default_of("postgres://h/d", "a%3A1").path
        );
        assert!(default_of("postgres://h/d", &":".repeat(128)).path.as_os_str().len() < 255);
    }

    #[test]
    fn a_replica_whose_name_does_not_last_keeps_the_name_that_does() {
        let place = SpoolPlace::default_of(&"postgres://h/d".parse().unwrap(), None);
        assert_eq!((place.path, place.sharing), ("ainfera.spool".into(), Sharing::FirstCome));
    }

    #[test]
    fn an_embedded_store_has_it_beside_its_file() {
        assert_eq!(
            default_of("sqlite:///var/a.db", "main"),
            SpoolPlace::at("/var/a.db.spool".into())
        );
    }
}
