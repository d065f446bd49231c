//! How the commands of a user find a gateway of the same user, from whatever folder they run in:
//! each running gateway has a file in the user's state directory that says where it listens and
//! where its database is.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::DatabaseUrl;
use crate::config::environment::{Environment, non_empty};

/// A gateway, as its own process described it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningGateway {
    pub url: String,
    /// The whole URL. It may hold a password, so only the user can read the file.
    pub database: String,
    process: u32,
}

/// The file of this process. It is removed when the process stops in good order.
#[derive(Debug)]
pub struct Announcement(PathBuf);

/// Where the user's files of this program are. `None` in an environment that names no home.
pub fn state_directory(environment: &Environment<'_>) -> Option<PathBuf> {
    let state = non_empty(environment, "XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let state = state.or_else(|| {
        non_empty(environment, "HOME").map(|home| Path::new(&home).join(".local/state"))
    });
    state.map(|state| state.join("ainfera"))
}

impl RunningGateway {
    /// The gateway of this process. `address` is one that can be called from this machine.
    pub fn of_this_process(address: SocketAddr, database: &DatabaseUrl) -> io::Result<Self> {
        let database = match database {
            DatabaseUrl::Sqlite(path) => DatabaseUrl::Sqlite(std::path::absolute(path)?),
            DatabaseUrl::Postgres(url) => DatabaseUrl::Postgres(url.clone()),
        };
        Ok(Self {
            url: format!("http://{address}"),
            database: database.exposed(),
            process: std::process::id(),
        })
    }

    /// Writes the file by which commands find this gateway.
    pub fn announce(&self, state: &Path) -> io::Result<Announcement> {
        let path = directory(state).join(format!("{}.json", file_name(&self.url)));
        write_private(&path, &serde_json::to_string(self)?)?;
        Ok(Announcement(path))
    }

    /// Every gateway that has a file; one that was killed may be among them.
    pub fn announced(state: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(directory(state)).into_iter().flatten().flatten();
        let mut found: Vec<Self> = entries
            .filter_map(|entry| std::fs::read(entry.path()).ok())
            .filter_map(|text| serde_json::from_slice(&text).ok())
            .collect();
        found.sort_by(|left, right| left.url.cmp(&right.url));
        found
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        let own = std::fs::read(&self.0)
            .ok()
            .and_then(|text| serde_json::from_slice::<RunningGateway>(&text).ok());
        // A later gateway may have taken the address over.
        if own.is_some_and(|own| own.process == std::process::id()) {
            let _ = std::fs::remove_file(&self.0);
        }
    }
}

/// The file in which the key of one use of a gateway is kept.
pub fn key_file(state: &Path, url: &str, agent: &str) -> PathBuf {
    state.join("keys").join(format!("{}.{}", file_name(url), file_name(agent)))
}

/// Writes a file, and the folders above it, that only the user can read.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // A file that exists already may have another mode.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(text.as_bytes())
}

fn directory(state: &Path) -> PathBuf {
    state.join("gateways")
}

/// Letters, digits and dots stay; so two addresses never share a file by chance.
fn file_name(text: &str) -> String {
    let text = text.trim_end_matches('/');
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || byte == b'.' {
                char::from(byte).to_string()
            } else {
                format!("-{byte:02x}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_gateway_is_found_until_it_stops_and_its_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let database = DatabaseUrl::Sqlite("a.db".into());
        let gateway =
            RunningGateway::of_this_process("127.0.0.1:81".parse().unwrap(), &database).unwrap();
        assert!(gateway.database.starts_with("sqlite:///"), "{}", gateway.database);
        let announcement = gateway.announce(folder.path()).unwrap();
        assert_eq!(RunningGateway::announced(folder.path()), [gateway]);
        assert_eq!(std::fs::metadata(&announcement.0).unwrap().permissions().mode() & 0o777, 0o600);
        drop(announcement);
        assert_eq!(RunningGateway::announced(folder.path()), []);
    }

    #[test]
    fn the_state_directory_is_the_users() {
        let environment = |home: &'static str, state: &'static str| {
            move |name: &str| match name {
                "HOME" => Some(home.to_owned()),
                "XDG_STATE_HOME" => Some(state.to_owned()),
                _ => None,
            }
        };
        assert_eq!(
            state_directory(&environment("/home/me", "")),
            Some("/home/me/.local/state/ainfera".into())
        );
        assert_eq!(
            state_directory(&environment("/home/me", "/state")),
            Some("/state/ainfera".into())
        );
        assert_eq!(state_directory(&environment("", "")), None);
    }
}
