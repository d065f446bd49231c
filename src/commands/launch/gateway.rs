//! Which gateway an agent is launched at, and with which key. Nothing is made in the folder where
//! the command runs.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use super::super::CommandError;
use super::super::database::{Missing, open_store};
use super::super::demonstration::reachable;
use super::super::keys::{add_new_key, find_or_create_agent};
use super::super::tenant::{DEFAULT_TENANT_NAME, tenant_id};
use crate::cli::LaunchArgs;
use crate::config::defaults::AgentDefaults;
use crate::config::{DatabaseUrl, Overrides, load, process_environment};
use crate::running_gateway::{RunningGateway, key_file, state_directory, write_private};

/// Where `serve` listens without a configuration.
const USUAL_URL: &str = "http://127.0.0.1:8080";
const PATIENCE: Duration = Duration::from_secs(3);

/// A gateway that answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gateway {
    pub url: String,
    /// Where its keys are; `None` for a gateway of another user or machine.
    database: Option<DatabaseUrl>,
    /// What its configuration says of new agents, where that is known.
    defaults: AgentDefaults,
}

/// What a gateway thinks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyStanding {
    Accepted,
    Refused,
}

impl Gateway {
    /// The gateway that the arguments name, or else the one of this user that runs.
    pub(super) fn find(args: &LaunchArgs) -> Result<Self, CommandError> {
        let announced = state_directory(&process_environment)
            .map(|state| RunningGateway::announced(&state))
            .unwrap_or_default();
        let configured = args
            .database
            .config
            .as_deref()
            .map(|path| load(Some(path), Overrides::default(), &process_environment))
            .transpose()?;
        let named = args.url.clone().or_else(|| {
            configured.as_ref().map(|config| format!("http://{}", reachable(config.listen)))
        });
        let url = match named {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => running(&announced)?,
        };
        if !answers(&url) {
            return Err(CommandError::NoGateway { url });
        }
        let defaults = configured.as_ref().map(|config| config.defaults).unwrap_or_default();
        let database = args.database.database.clone().or(configured.map(|config| config.database));
        let database = database.or_else(|| {
            announced
                .iter()
                .find(|gateway| gateway.url == url)
                .and_then(|gateway| gateway.database.parse().ok())
        });
        Ok(Self { url, database, defaults })
    }

    /// The key of this agent: the one that an earlier launch made, or a new one.
    pub(super) fn key_of(&self, agent: &str) -> Result<String, CommandError> {
        let file =
            state_directory(&process_environment).map(|state| key_file(&state, &self.url, agent));
        let kept = file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        if let Some(key) =
            kept.filter(|key| standing(&self.url, key) == Some(KeyStanding::Accepted))
        {
            return Ok(key);
        }
        let Some(database) = &self.database else {
            return Err(CommandError::NoKey { url: self.url.clone() });
        };
        let key = new_key(database, agent, self.defaults)?;
        if standing(&self.url, &key) == Some(KeyStanding::Refused) {
            return Err(CommandError::OtherDatabase {
                url: self.url.clone(),
                database: database.to_string(),
            });
        }
        if let Some(file) = file {
            keep(&file, &key)?;
        }
        Ok(key)
    }
}

fn keep(file: &Path, key: &str) -> Result<(), CommandError> {
    write_private(file, key).map_err(|source| CommandError::File { path: file.to_owned(), source })
}

fn new_key(
    database: &DatabaseUrl,
    agent: &str,
    defaults: AgentDefaults,
) -> Result<String, CommandError> {
    actix_rt::System::new().block_on(async {
        let store = open_store(database, Missing::Refuse).await?;
        let agent_id =
            find_or_create_agent(&*store, tenant_id(DEFAULT_TENANT_NAME), agent, defaults).await?;
        Ok(add_new_key(&*store, agent_id).await?.expose().to_owned())
    })
}

/// The usual address if a gateway answers there, else the only one that does.
fn running(announced: &[RunningGateway]) -> Result<String, CommandError> {
    if answers(USUAL_URL) {
        return Ok(USUAL_URL.to_owned());
    }
    let answering: Vec<&str> =
        announced.iter().map(|gateway| gateway.url.as_str()).filter(|url| answers(url)).collect();
    match answering.as_slice() {
        [] => Err(CommandError::NoGateway { url: USUAL_URL.to_owned() }),
        [url] => Ok((*url).to_owned()),
        several => Err(CommandError::SeveralGateways { urls: several.join(", ") }),
    }
}

fn answers(url: &str) -> bool {
    connect(url).is_some()
}

fn connect(url: &str) -> Option<TcpStream> {
    let (host, port) = host_and_port(url)?;
    let addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs().ok()?;
    addresses.into_iter().find_map(|address| TcpStream::connect_timeout(&address, PATIENCE).ok())
}

fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let usual_port = if scheme == "https" { 443 } else { 80 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host, port.parse().ok()?)),
        _ => Some((authority, usual_port)),
    }
}

/// Asks the gateway for its list of models with the key. `None` where it cannot be asked: over TLS,
/// or by an answer that says neither.
fn standing(url: &str, key: &str) -> Option<KeyStanding> {
    let path = url.strip_prefix("http://")?.split_once('/').map_or("", |(_, path)| path);
    let prefix = if path.is_empty() { String::new() } else { format!("/{path}") };
    let (host, port) = host_and_port(url)?;
    let mut stream = connect(url)?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!(
        "GET {prefix}/v1/models HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    match &head[9..] {
        b"200" => Some(KeyStanding::Accepted),
        b"401" => Some(KeyStanding::Refused),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_out_of_a_url() {
        assert_eq!(host_and_port("http://127.0.0.1:8080"), Some(("127.0.0.1", 8080)));
        assert_eq!(host_and_port("https://gateway.example/ai"), Some(("gateway.example", 443)));
        assert_eq!(host_and_port("http://[::1]:81/"), Some(("[::1]", 81)));
        assert_eq!(host_and_port("http://[::1]"), Some(("[::1]", 80)));
        assert_eq!(host_and_port("gateway"), None);
    }
}
