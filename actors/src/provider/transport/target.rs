//! Where a provider listens.

/// Host, port and whether TLS is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    pub port: u16,
    pub security: Security,
}

/// How HTTP is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plain,
    Tls,
}

impl Target {
    /// Of a URL that begins with `http://` or `https://`.
    pub fn of(base_url: &str) -> Option<Self> {
        let (security, rest) =
            match (base_url.strip_prefix("https://"), base_url.strip_prefix("http://")) {
                (Some(rest), _) => (Security::Tls, rest),
                (None, Some(rest)) => (Security::Plain, rest),
                (None, None) => return None,
            };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host_end = if authority.starts_with('[') {
            authority.find(']')? + 1
        } else {
            authority.find(':').unwrap_or(authority.len())
        };
        let (host, port) = authority.split_at(host_end);
        let port = match port.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => match security {
                Security::Plain => 80,
                Security::Tls => 443,
            },
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, security })
    }

    /// Host and port as they stand in a URL or a `CONNECT`.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_left_out_is_the_schemes() {
        for (url, authority, security) in [
            ("https://api.example", "api.example:443", Security::Tls),
            ("http://api.example/v1/x", "api.example:80", Security::Plain),
            ("https://api.example:8443/a?b=c", "api.example:8443", Security::Tls),
            ("http://[::1]:9100", "[::1]:9100", Security::Plain),
            ("https://[::1]", "[::1]:443", Security::Tls),
        ] {
            let target = Target::of(url).unwrap();
            assert_eq!(
                (target.authority().as_str(), target.security),
                (authority, security),
                "{url}"
            );
        }
        for url in ["", "ftp://a", "https://", "http://a:b", "http://[::1"] {
            assert_eq!(Target::of(url), None, "{url}");
        }
    }
}
