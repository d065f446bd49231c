//! `NO_PROXY`: which hosts are reached without a proxy, as curl reads it, with ports besides.

use std::net::IpAddr;

/// The parsed list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    exceptions: Vec<Exception>,
}

#[derive(Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    /// A name and everything under it, perhaps at one port only.
    Domain {
        name: String,
        port: Option<u16>,
    },
    Network {
        address: IpAddr,
        prefix_bits: u32,
        port: Option<u16>,
    },
}

impl NoProxy {
    /// Entries are parted by commas or spaces. What is no entry matches nothing.
    pub fn parse(text: &str) -> Self {
        let words = text.split([',', ' ', '\t']).map(str::trim).filter(|word| !word.is_empty());
        Self { exceptions: words.map(exception).collect() }
    }

    /// Whether the host of this URL is reached without a proxy.
    pub fn covers(&self, url: &str) -> bool {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let (host, port) = host_and_port(authority);
        let port = port.unwrap_or(if url.starts_with("https://") { 443 } else { 80 });
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.exceptions.iter().any(|exception| exception.covers(&host, port))
    }
}

impl Exception {
    fn covers(&self, host: &str, at: u16) -> bool {
        match self {
            Exception::Everything => true,
            Exception::Domain { name, port } => {
                let is_under = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'));
                is_under && port.is_none_or(|port| port == at)
            }
            Exception::Network { address, prefix_bits, port } => {
                let is_inside = host
                    .parse::<IpAddr>()
                    .is_ok_and(|host| same_prefix(host, *address, *prefix_bits));
                is_inside && port.is_none_or(|port| port == at)
            }
        }
    }
}

fn exception(word: &str) -> Exception {
    if word == "*" {
        return Exception::Everything;
    }
    if let Some((address, bits)) = word.split_once('/')
        && let (Ok(address), Ok(prefix_bits)) =
            (address.trim_matches(['[', ']']).parse::<IpAddr>(), bits.parse::<u32>())
    {
        return Exception::Network { address, prefix_bits, port: None };
    }
    let (host, port) = host_and_port(word);
    match host.parse::<IpAddr>() {
        Ok(address) => Exception::Network { address, prefix_bits: 128, port },
        Err(_) => {
            let name = host
                .trim_start_matches('*')
                .trim_start_matches('.')
                .trim_end_matches('.')
                .to_ascii_lowercase();
            Exception::Domain { name, port }
        }
    }
}

/// An IPv6 address may stand in brackets; bare it has no port.
fn host_and_port(text: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (text, None),
    }
}

fn same_prefix(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    let (one, other, width) = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u128::from(one.to_bits()), u128::from(other.to_bits()), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let free = width - bits.min(width);
    one.checked_shr(free).unwrap_or(0) == other.checked_shr(free).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_ports_networks_and_everything() {
        for (list, url, expected) in [
            ("", "https://a.example", false),
            ("*", "https://a.example", true),
            ("example", "https://a.example", true),
            (".a.example", "https://a.example", true),
            ("*.a.example", "https://b.a.example", true),
            ("ample", "https://a.example", false),
            ("A.Example", "https://a.example.", true),
            ("other, a.example", "https://a.example", true),
            ("other a.example", "https://a.example", true),
            ("a.example:8443", "https://a.example:8443", true),
            ("a.example:8443", "https://a.example", false),
            ("a.example:443", "https://a.example/v1", true),
            ("localhost", "http://localhost:9100", true),
            ("127.0.0.1", "http://127.0.0.1:9100", true),
            ("127.0.0.1:9100", "http://127.0.0.1:9101", false),
            ("127.0.0.0/8", "http://127.9.9.9", true),
            ("10.0.0.0/8", "http://11.0.0.1", false),
            ("0.0.0.0/0", "http://11.0.0.1", true),
            ("::1", "http://[::1]:9100", true),
            ("fd00::/8", "http://[fd12::1]", true),
            ("fd00::/8", "http://[fe12::1]", false),
            ("10.0.0.0/8", "https://name.example", false),
        ] {
            assert_eq!(NoProxy::parse(list).covers(url), expected, "{list:?} {url}");
        }
    }
}
