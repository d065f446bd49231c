//! Why there is no connection to a provider, as a cause that an operator can act on.

use std::io;
use std::net::SocketAddr;

use ainfera_schema::{FailureCause, UnreachableBy};
use rustls::{AlertDescription, CertificateError, Error as RustlsError};

/// The step of a connection that did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailure {
    #[error("the name {host} cannot be resolved: {why}")]
    NameNotResolved { host: String, why: String },
    #[error("{address}: {why}")]
    Tcp { address: SocketAddr, why: String },
    #[error("{0} took longer than the connect deadline")]
    TimedOut(Step),
    #[error("proxy {proxy}: {fault}")]
    Proxy { proxy: String, fault: ProxyFault },
    #[error("TLS with {host}: {fault}")]
    Tls { host: String, fault: TlsFault },
    /// The configuration cannot be put into practice.
    #[error("{0}")]
    Settings(String),
}

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    NameLookUp,
    Tcp,
    Proxy,
    Tls,
}

/// What a proxy did instead of connecting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it asks for a user name and password, or refuses the ones that it got (407)")]
    AuthenticationRequired,
    #[error("it refuses to connect: {0}")]
    Refused(u16),
    #[error("it closed the connection")]
    Closed,
    #[error("its answer is not HTTP")]
    NotHttp,
}

/// What is wrong with the provider's side of TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    #[error("its certificate is from an issuer that is not trusted")]
    UnknownIssuer,
    #[error("its certificate has expired")]
    Expired,
    #[error("its certificate is not valid yet")]
    NotYetValid,
    #[error("its certificate is for another name")]
    WrongName,
    #[error("its certificate was revoked")]
    Revoked,
    #[error("its certificate cannot be used: {0}")]
    Certificate(String),
    #[error("it does not speak TLS on this port; is it http://?")]
    NotTls,
    #[error("it offers no version or cipher of TLS that can be used: {0}")]
    NothingInCommon(String),
    #[error("it refused the handshake: {0}")]
    Alert(String),
    #[error("it closed the connection during the handshake")]
    Closed,
    #[error("{0}")]
    Other(String),
}

impl ConnectFailure {
    /// What a caller may know of it: the cause, without names and addresses of this site's network.
    pub fn outward(&self) -> String {
        match self {
            ConnectFailure::NameNotResolved { .. } => "its name cannot be resolved".to_owned(),
            ConnectFailure::Tcp { why, .. } => why.clone(),
            ConnectFailure::TimedOut(step) => {
                format!("{step} took longer than the connect deadline")
            }
            ConnectFailure::Proxy { fault, .. } => format!("by way of the proxy: {fault}"),
            ConnectFailure::Tls { fault, .. } => fault.to_string(),
            ConnectFailure::Settings(_) => {
                "the gateway's settings for it cannot be used".to_owned()
            }
        }
    }

    /// Which step did not come about, in the word of records.
    pub fn cause(&self) -> FailureCause {
        FailureCause::Unreachable(match self {
            ConnectFailure::NameNotResolved { .. } => UnreachableBy::Dns,
            ConnectFailure::Tcp { .. } => UnreachableBy::Connect,
            ConnectFailure::TimedOut(_) => UnreachableBy::Timeout,
            ConnectFailure::Proxy { .. } => UnreachableBy::Proxy,
            ConnectFailure::Tls { .. } => UnreachableBy::Tls,
            ConnectFailure::Settings(_) => UnreachableBy::Settings,
        })
    }
}

impl ConnectFailure {
    /// A word for programs: the step, and of TLS and a proxy what was wrong.
    pub fn as_str(&self) -> &'static str {
        match self {
            ConnectFailure::NameNotResolved { .. } => "dns",
            ConnectFailure::Tcp { .. } => "connect",
            ConnectFailure::TimedOut(_) => "timeout",
            ConnectFailure::Proxy { fault, .. } => fault.as_str(),
            ConnectFailure::Tls { fault, .. } => fault.as_str(),
            ConnectFailure::Settings(_) => "settings",
        }
    }
}

impl ProxyFault {
    fn as_str(&self) -> &'static str {
        match self {
            ProxyFault::Unreachable(_) => "proxy:unreachable",
            ProxyFault::AuthenticationRequired => "proxy:authentication_required",
            ProxyFault::Refused(_) => "proxy:refused",
            ProxyFault::Closed => "proxy:closed",
            ProxyFault::NotHttp => "proxy:not_http",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Step::NameLookUp => "the name look-up",
            Step::Tcp => "the TCP connection",
            Step::Proxy => "the proxy",
            Step::Tls => "the TLS handshake",
        })
    }
}

impl TlsFault {
    fn as_str(&self) -> &'static str {
        match self {
            TlsFault::UnknownIssuer => "tls:unknown_issuer",
            TlsFault::Expired => "tls:expired",
            TlsFault::NotYetValid => "tls:not_yet_valid",
            TlsFault::WrongName => "tls:wrong_name",
            TlsFault::Revoked => "tls:revoked",
            TlsFault::Certificate(_) => "tls:bad_certificate",
            TlsFault::NotTls => "tls:not_tls",
            TlsFault::NothingInCommon(_) => "tls:nothing_in_common",
            TlsFault::Alert(_) => "tls:alert",
            TlsFault::Closed => "tls:closed",
            TlsFault::Other(_) => "tls:other",
        }
    }

    /// What the error of a handshake says.
    pub fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>()) {
            Some(error) => Self::of_rustls(error),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => TlsFault::Closed,
                _ => TlsFault::Other(error.to_string()),
            },
        }
    }

    fn of_rustls(error: &RustlsError) -> Self {
        match error {
            RustlsError::InvalidCertificate(error) => Self::of_certificate(error),
            RustlsError::InvalidMessage(_) => TlsFault::NotTls,
            RustlsError::PeerIncompatible(why) => TlsFault::NothingInCommon(format!("{why:?}")),
            RustlsError::AlertReceived(
                alert @ (AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure),
            ) => TlsFault::NothingInCommon(format!("{alert:?}")),
            RustlsError::AlertReceived(alert) => TlsFault::Alert(format!("{alert:?}")),
            other => TlsFault::Other(other.to_string()),
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // another issuer of the same name signed it
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsFault::UnknownIssuer
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsFault::Expired
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsFault::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsFault::WrongName
            }
            CertificateError::Revoked => TlsFault::Revoked,
            other => TlsFault::Certificate(other.to_string()),
        }
    }
}

/// An I/O error in a few plain words.
pub fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        io::ErrorKind::TimedOut => "no answer from the machine".to_owned(),
        _ => error.to_string(),
    }
}
