//! Where the server is, and how long we wait for it. Nothing here waits for ever.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolConfig, RecyclingMethod, Runtime, Timeouts};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

const CONNECT: Duration = Duration::from_secs(2);
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);
const KEEPALIVE: Duration = Duration::from_secs(30);
const WAIT_TO_WRITE: Duration = Duration::from_secs(2);
const WAIT_TO_LOOK_UP: Duration = Duration::from_secs(1);
const WAIT_TO_READ: Duration = Duration::from_secs(1);
const WAIT_TO_AUDIT: Duration = Duration::from_secs(5);
const RECYCLE: Duration = Duration::from_secs(1);
const WRITERS: usize = 4;
/// As many as keys are looked up at once, and one for readiness.
const LOOKUPS: usize = 5;
const READERS: usize = 6;
const AUDITORS: usize = 2;

/// What every session is told.
const SESSION: &str = "-c statement_timeout=5s -c idle_in_transaction_session_timeout=5s -c TimeZone=UTC";

/// Every statement of a call finds its rows by key. A plan made while a table was empty would read it whole ever after.
const BY_KEY: &str = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";

pub fn writers(url: &str) -> Result<Pool, StoreError> {
    pool(url, &format!("{SESSION} {BY_KEY}"), WRITERS, WAIT_TO_WRITE)
}

/// For what a call or a probe needs before it can go on.
pub fn lookups(url: &str) -> Result<Pool, StoreError> {
    pool(url, &format!("{SESSION} {BY_KEY}"), LOOKUPS, WAIT_TO_LOOK_UP)
}

/// For what callers read; a page of it is found by key.
pub fn readers(url: &str) -> Result<Pool, StoreError> {
    pool(url, &format!("{SESSION} {BY_KEY}"), READERS, WAIT_TO_READ)
}

/// For what reads whole tables or chains.
pub fn auditors(url: &str) -> Result<Pool, StoreError> {
    pool(url, SESSION, AUDITORS, WAIT_TO_AUDIT)
}

fn pool(url: &str, options: &str, max_size: usize, wait: Duration) -> Result<Pool, StoreError> {
    let (mut config, encryption) = parse(url)?;
    // what the operator's URL says comes last, so that it wins
    let options = format!("{options} {}", config.get_options().unwrap_or_default());
    config.options(options.trim_end());
    config.connect_timeout(CONNECT).tcp_user_timeout(UNACKNOWLEDGED).keepalives_idle(KEEPALIVE);
    if config.get_application_name().is_none() {
        config.application_name("ainfera");
    }
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = match encryption {
        Encryption::None => Manager::from_config(config, NoTls, recycling),
        Encryption::Verified => Manager::from_config(config, tls()?, recycling),
    };
    let timeouts = Timeouts { wait: Some(wait), create: Some(CONNECT), recycle: Some(RECYCLE) };
    let settings = PoolConfig { max_size, timeouts, ..PoolConfig::default() };
    let pool = Pool::builder(manager).config(settings).runtime(Runtime::Tokio1).build();
    pool.map_err(|error| StoreError::Unavailable(error.to_string()))
}

#[derive(Debug, PartialEq, Eq)]
enum Encryption {
    None,
    Verified,
}

fn parse(url: &str) -> Result<(Config, Encryption), StoreError> {
    // the driver knows `require` only, and leaves it to us how strict that is
    let url = match url.split_once('?') {
        Some((place, query)) => {
            let query = query.replace("sslmode=verify-full", "sslmode=require").replace("sslmode=verify-ca", "sslmode=require");
            format!("{place}?{query}")
        }
        None => url.to_owned(),
    };
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| StoreError::Unavailable(error.to_string()))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Ok((config, Encryption::Verified));
    }
    config.ssl_mode(SslMode::Disable);
    Ok((config, Encryption::None))
}

fn tls() -> Result<MakeRustlsConnect, StoreError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.and_then(BuilderVerifierExt::with_platform_verifier);
    let config = config.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encryption(url: &str) -> Encryption {
        parse(url).unwrap().1
    }

    #[test]
    fn tls_is_used_where_the_url_asks_for_it() {
        assert_eq!(encryption("postgres://localhost/a"), Encryption::None);
        assert_eq!(encryption("postgres://localhost/a?sslmode=disable"), Encryption::None);
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://localhost/a?application_name=x&sslmode={mode}");
            assert_eq!(encryption(&url), Encryption::Verified);
            assert!(writers(&url).is_ok());
        }
    }

    #[test]
    fn a_url_that_makes_no_sense_is_refused_without_its_password() {
        let error = parse("postgres://user:secret@localhost/a?sslmode=sometimes").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
