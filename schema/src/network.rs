//! How a provider is reached: what its address carries besides host and path, whose certificate it
//! shows, and through which proxy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::Secret;

/// Everything about the way to one provider that an operator may set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Network {
    pub api_version: ApiVersion,
    /// Added to the address of every request, in this order.
    pub query: Vec<(String, String)>,
    /// Sent with every request. A header of the gateway's own that has the same name is replaced.
    pub headers: Vec<ProviderHeader>,
    pub trust: Trust,
    /// Left out: the provider is reached directly.
    pub proxy: Option<Proxy>,
    /// How long an idle connection is kept. Left out: the default of the gateway.
    pub keep_alive: Option<Duration>,
}

/// Who writes the version of the API into the path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ApiVersion {
    /// The gateway adds the dialect's own, such as `/v1`.
    #[default]
    Added,
    /// `base_url` is complete: the gateway adds only the endpoint, such as `/chat/completions`.
    InBaseUrl,
}

/// One header that is sent to a provider. The name is lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderHeader {
    pub name: String,
    pub value: HeaderText,
}

/// What a header holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderText {
    Plain(String),
    Secret(Secret),
}

impl HeaderText {
    /// The text itself. Callers put it into a header and nowhere else.
    pub fn expose(&self) -> &str {
        match self {
            HeaderText::Plain(text) => text,
            HeaderText::Secret(secret) => secret.expose(),
        }
    }
}

/// Who may have issued the provider's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// Those that the platform trusts.
    #[default]
    Platform,
    /// Those in a file of the operator's, and no others.
    File(Arc<CaFile>),
}

/// A file of certificates, read.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct CaFile {
    pub path: PathBuf,
    /// Each in DER form.
    pub certificates: Vec<Vec<u8>>,
}

/// A proxy that is asked to connect to the provider (`CONNECT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    pub security: ProxySecurity,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
    /// The value of `proxy-authorization`.
    pub authorization: Option<Secret>,
}

/// How the gateway speaks to the proxy itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxySecurity {
    Plain,
    Tls,
}
