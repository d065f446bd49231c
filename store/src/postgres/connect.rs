//! Where the server is, and how long we wait for it. Nothing here waits for ever.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, PoolConfig, RecyclingMethod};
use deadpool_postgres::{Runtime, Timeouts};
use futures_util::join;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};

use super::encryption::{Encryption, Mode};
use super::pool::Pool;
use super::pooler::{Pooler, Sessions, pool_mode};
use super::primary::{Primary, Recheck};
use crate::StoreError;

/// For one host: those of a URL with several are tried in turn.
const CONNECT: Duration = Duration::from_secs(2);
/// Far away, encrypted and with a password, a connection takes eight round trips.
const CREATE: Duration = Duration::from_secs(6);
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(30);
const WAIT_TO_WRITE: Duration = Duration::from_secs(2);
const WAIT_TO_LOOK_UP: Duration = Duration::from_secs(1);
const WAIT_TO_READ: Duration = Duration::from_secs(1);
const WAIT_TO_AUDIT: Duration = Duration::from_secs(5);
const RECYCLE: Duration = Duration::from_secs(2);
const WRITERS: usize = 4;
/// As many as keys are looked up at once, and one for readiness.
const LOOKUPS: usize = 5;
const READERS: usize = 6;
const AUDITORS: usize = 2;

/// What every session is told. It is told by SET and not at its start, which a pooler would refuse.
const SESSION: [(&str, &str); 3] = [
    ("statement_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("TimeZone", "UTC"),
];

/// Every statement of a call finds its rows by key. A plan made while a table was empty would read
/// it whole ever after.
const BY_KEY: [(&str, &str); 3] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("jit", "off")];

/// Makes the pools of one store.
pub(super) struct Pools {
    config: Config,
    encryption: Encryption,
    pooler: Arc<Pooler>,
    primary: Arc<Primary>,
}

impl Pools {
    pub(super) fn of(url: &str, primary: Arc<Primary>) -> Result<Self, StoreError> {
        let (mut config, encryption, told) = parse(url)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.tcp_user_timeout(UNACKNOWLEDGED).keepalives_idle(KEEPALIVE);
        if config.get_application_name().is_none() {
            config.application_name("ainfera");
        }
        warn_of_exposure(&config, &encryption);
        let pooler = Arc::new(Pooler::new(told, encryption.ssl_mode()));
        Ok(Self { config, encryption, pooler, primary })
    }

    pub(super) fn writers(&self) -> Result<Pool, StoreError> {
        self.pool(&[SESSION, BY_KEY].concat(), WRITERS, WAIT_TO_WRITE, Recheck::NewServer)
    }

    /// For what a call or a probe needs before it can go on.
    pub(super) fn lookups(&self) -> Result<Pool, StoreError> {
        self.pool(&[SESSION, BY_KEY].concat(), LOOKUPS, WAIT_TO_LOOK_UP, Recheck::NewServer)
    }

    /// For what callers read; a page of it is found by key.
    pub(super) fn readers(&self) -> Result<Pool, StoreError> {
        self.pool(&[SESSION, BY_KEY].concat(), READERS, WAIT_TO_READ, Recheck::NewServerAndWritable)
    }

    /// For what reads whole tables or chains.
    pub(super) fn auditors(&self) -> Result<Pool, StoreError> {
        self.pool(&SESSION, AUDITORS, WAIT_TO_AUDIT, Recheck::NewServerAndWritable)
    }

    fn pool(
        &self,
        settings: &[(&str, &str)],
        max_size: usize,
        wait: Duration,
        recheck: Recheck,
    ) -> Result<Pool, StoreError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let config = self.config.clone();
        let manager = if self.encryption.mode == Mode::Disable {
            Manager::from_config(config, NoTls, recycling)
        } else {
            Manager::from_config(config, self.encryption.connector()?, recycling)
        };
        let timeouts = Timeouts { wait: Some(wait), create: Some(CREATE), recycle: Some(RECYCLE) };
        let settings = set_statements(settings, self.config.get_options().unwrap_or_default());
        let (pooler, primary) = (Arc::clone(&self.pooler), Arc::clone(&self.primary));
        let pool = deadpool_postgres::Pool::builder(manager)
            .config(PoolConfig { max_size, timeouts, ..PoolConfig::default() })
            .runtime(Runtime::Tokio1)
            .post_create(opened(Arc::clone(&primary), Arc::clone(&pooler), settings))
            .pre_recycle(reused(Arc::clone(&self.primary), recheck))
            .build();
        let pool = pool.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Pool::new(pool, pooler, primary))
    }
}

fn opened(primary: Arc<Primary>, pooler: Arc<Pooler>, settings: String) -> Hook {
    Hook::async_fn(move |client, metrics| {
        let opened = metrics.created;
        let (primary, pooler) = (Arc::clone(&primary), Arc::clone(&pooler));
        let settings = settings.clone();
        let client = &*client;
        Box::pin(async move {
            let sessions = pooler.look_at(client).await.map_err(HookError::message)?;
            if sessions == Sessions::Shared {
                return primary.accept(client, opened).await.map_err(HookError::message);
            }
            let (set, accepted) =
                join!(client.batch_execute(&settings), primary.accept(client, opened));
            set.map_err(HookError::Backend)?;
            accepted.map_err(HookError::message)
        })
    })
}

fn reused(primary: Arc<Primary>, recheck: Recheck) -> Hook {
    Hook::async_fn(move |client, metrics| {
        let (primary, metrics) = (Arc::clone(&primary), *metrics);
        let client = &*client;
        Box::pin(async move {
            primary.still_accept(client, metrics, recheck).await.map_err(HookError::message)
        })
    })
}

/// What the operator's URL sets is left as it is.
fn set_statements(settings: &[(&str, &str)], options: &str) -> String {
    let of_the_url = |name: &str| {
        options.to_ascii_lowercase().contains(&format!("{}=", name.to_ascii_lowercase()))
    };
    let ours = settings.iter().filter(|(name, _)| !of_the_url(name));
    ours.map(|(name, value)| format!("SET {name} = '{value}'")).collect::<Vec<_>>().join("; ")
}

fn parse(url: &str) -> Result<(Config, Encryption, Option<Sessions>), StoreError> {
    let (encryption, url) = Encryption::take_from(url)?;
    let (told, url) = take_pool_mode(&url)?;
    let url = url.replace("target_session_attrs=primary", "target_session_attrs=read-write");
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let cause =
            std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        StoreError::Refused(format!("database url: {error}{cause}"))
    })?;
    if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
        return Err(StoreError::Refused(
            "database url: target_session_attrs must be read-write: a gateway writes".to_owned(),
        ));
    }
    // of several hosts the one that can be written, and never a standby
    config.target_session_attrs(TargetSessionAttrs::ReadWrite).ssl_mode(encryption.ssl_mode());
    Ok((config, encryption, told))
}

/// `pool_mode`, which the driver does not know, and what is left of the URL.
fn take_pool_mode(url: &str) -> Result<(Option<Sessions>, String), StoreError> {
    let Some((place, query)) = url.split_once('?') else { return Ok((None, url.to_owned())) };
    let mut told = None;
    let mut left = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("pool_mode", word)) => told = Some(pool_mode(word)?),
            _ => left.push(pair),
        }
    }
    Ok((told, format!("{place}?{}", left.join("&"))))
}

/// Once at the start: an operator who did not mean it sees it in the log.
fn warn_of_exposure(config: &Config, encryption: &Encryption) {
    let Some(host) = config.get_hosts().iter().find_map(beyond_this_machine) else { return };
    match encryption.mode {
        Mode::Disable => tracing::warn!(
            host,
            "the connection to the database is not encrypted (sslmode=disable)"
        ),
        Mode::Prefer => {
            tracing::warn!(
                host,
                "the connection to the database may be unencrypted and is never verified: set sslmode=verify-full"
            );
        }
        Mode::Require => {
            tracing::warn!(
                host,
                "the database's certificate is not verified (sslmode=require): set sslmode=verify-full"
            );
        }
        Mode::VerifyCa | Mode::VerifyFull => {}
    }
}

fn beyond_this_machine(host: &Host) -> Option<&str> {
    match host {
        Host::Tcp(name)
            if name != "localhost"
                && !name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) =>
        {
            Some(name)
        }
        Host::Tcp(_) | Host::Unix(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_can_be_written_will_do() {
        for attribute in [
            "",
            "?target_session_attrs=any",
            "?target_session_attrs=primary",
            "?target_session_attrs=read-write",
        ] {
            let (config, ..) = parse(&format!("postgres://a,b/d{attribute}")).unwrap();
            assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        }
        assert!(matches!(
            parse("postgres://a/d?target_session_attrs=read-only"),
            Err(StoreError::Refused(_))
        ));
    }

    #[test]
    fn a_pool_mode_is_taken_out_of_the_url() {
        let told = |query: &str| take_pool_mode(&format!("postgres://h/d{query}")).unwrap();
        assert_eq!(told(""), (None, "postgres://h/d".to_owned()));
        let (mode, left) = told("?a=b&pool_mode=transaction&c=d");
        assert_eq!((mode, left.as_str()), (Some(Sessions::Shared), "postgres://h/d?a=b&c=d"));
        assert_eq!(told("?pool_mode=session").0, Some(Sessions::Own));
        assert!(matches!(parse("postgres://h/d?pool_mode=statement"), Err(StoreError::Refused(_))));
    }

    #[test]
    fn a_url_that_makes_no_sense_is_refused_without_its_password() {
        for query in ["sslmode=sometimes", "no_such_parameter=1"] {
            let error = parse(&format!("postgres://user:secret@localhost/a?{query}"))
                .unwrap_err()
                .to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_the_url_sets_is_left_as_it_is() {
        assert_eq!(
            set_statements(
                &[("statement_timeout", "5s"), ("jit", "off")],
                "-c Statement_Timeout=9s"
            ),
            "SET jit = 'off'"
        );
    }

    #[test]
    fn loopback_and_a_socket_are_this_machine() {
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert_eq!(beyond_this_machine(&Host::Tcp(host.to_owned())), None);
        }
        assert_eq!(beyond_this_machine(&Host::Unix("/run/postgresql".into())), None);
        assert_eq!(beyond_this_machine(&Host::Tcp("db.example".to_owned())), Some("db.example"));
    }
}
