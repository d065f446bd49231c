//! Finds the configuration: the file that was named, or what the environment offers.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Config;
use super::environment::Environment;
use super::mistake::Mistake;
use super::settings::Overrides;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    /// One line for each mistake.
    #[error("{}", Listing { place: path.as_deref(), mistakes })]
    Mistaken { path: Option<PathBuf>, mistakes: Vec<Mistake> },
}

struct Listing<'m> {
    place: Option<&'m Path>,
    mistakes: &'m [Mistake],
}

/// Reads the file, or without one the environment.
pub fn load(
    path: Option<&Path>,
    overrides: Overrides,
    environment: &Environment<'_>,
) -> Result<Config, ConfigError> {
    let text = match path {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?,
        None => String::new(),
    };
    Config::from_toml_with(&text, overrides, environment)
        .map_err(|mistakes| ConfigError::Mistaken { path: path.map(Path::to_owned), mistakes })
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, mistake) in self.mistakes.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            match self.place {
                Some(path) => write!(f, "{}: {mistake}", path.display())?,
                // A mistake has no line number when there is no file.
                None => write!(f, "{}", mistake.message)?,
            }
        }
        Ok(())
    }
}
