//! Which store, and where it is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use ainfera_schema::Secret;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file; it is made when it is not there.
    Sqlite(PathBuf),
    /// The whole URL: it may hold a password.
    Postgres(Secret),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlError {
    #[error("must begin with sqlite:// or postgres://")]
    UnknownScheme,
    #[error("names no file, such as in sqlite://ainfera.db")]
    NoFile,
    #[error("names no host, such as in postgres://user@host/database")]
    NoHost,
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self::Sqlite(PathBuf::from("ainfera.db"))
    }
}

impl DatabaseUrl {
    /// The whole URL, password included: for the store alone.
    pub fn exposed(&self) -> String {
        match self {
            DatabaseUrl::Sqlite(_) => self.to_string(),
            DatabaseUrl::Postgres(url) => url.expose().to_owned(),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    /// `sqlite://PATH` (relative, or absolute with a third slash), `postgres://…` or
    /// `postgresql://…`.
    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return if path.is_empty() {
                Err(DatabaseUrlError::NoFile)
            } else {
                Ok(Self::Sqlite(PathBuf::from(path)))
            };
        }
        let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
        match rest {
            Some("") => Err(DatabaseUrlError::NoHost),
            Some(_) => Ok(Self::Postgres(Secret::new(text.to_owned()))),
            None => Err(DatabaseUrlError::UnknownScheme),
        }
    }
}

/// For people: without user name and password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DatabaseUrl::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => {
                let rest = url.expose().split_once("://").map_or("", |(_, rest)| rest);
                // The parameters of the URL may hold a password too.
                let rest = rest.split_once('?').map_or(rest, |(place, _)| place);
                write!(f, "postgres://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stores_have_a_form() {
        assert_eq!("sqlite://ainfera.db".parse(), Ok(DatabaseUrl::default()));
        assert_eq!(
            "sqlite:///var/lib/a.db".parse(),
            Ok(DatabaseUrl::Sqlite(PathBuf::from("/var/lib/a.db")))
        );
        assert_eq!(
            DatabaseUrl::Sqlite(PathBuf::from("/var/lib/a.db")).exposed(),
            "sqlite:///var/lib/a.db"
        );
        for url in ["postgres://u:p@h/d", "postgresql:///d?host=/run"] {
            assert_eq!(url.parse(), Ok(DatabaseUrl::Postgres(Secret::new(url.to_owned()))));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!("ainfera.db".parse::<DatabaseUrl>(), Err(DatabaseUrlError::UnknownScheme));
        assert_eq!("mysql://h/d".parse::<DatabaseUrl>(), Err(DatabaseUrlError::UnknownScheme));
        assert_eq!("sqlite://".parse::<DatabaseUrl>(), Err(DatabaseUrlError::NoFile));
        assert_eq!("postgres://".parse::<DatabaseUrl>(), Err(DatabaseUrlError::NoHost));
    }

    #[test]
    fn a_password_never_shows() {
        for url in [
            "postgres://me:hunter2@db.example:5432/ainfera",
            "postgres://db.example/ainfera?password=hunter2",
        ] {
            let database: DatabaseUrl = url.parse().unwrap();
            assert!(
                !database.to_string().contains("hunter2")
                    && database.to_string().contains("db.example"),
                "{database}"
            );
            assert!(!format!("{database:?}").contains("hunter2"));
            assert_eq!(database.exposed(), url);
        }
    }
}
