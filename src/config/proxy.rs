//! The proxy on the way to a provider: the key `proxy` of its table, else the variables that curl
//! reads.

use ainfera_schema::{Proxy, ProxySecurity, Secret};

use super::document::Section;
use super::environment::{Environment, non_empty};
use super::no_proxy::NoProxy;
use super::secret;

/// As curl has it.
const DEFAULT_PORT: u16 = 1080;
const DEFAULT_TLS_PORT: u16 = 443;

/// `proxy = "http://host:port"`, a secret that holds such an address, or `"none"`.
pub fn read(section: &Section<'_>, base_url: &str, environment: &Environment<'_>) -> Option<Proxy> {
    let Some(field) = section.field("proxy") else {
        return of_environment(section, base_url, environment);
    };
    let text = if field.is_table() {
        secret::read(&field, environment)?.expose().to_owned()
    } else {
        field.text()?.to_owned()
    };
    if text == "none" {
        return None;
    }
    parse(&text).map_err(|reason| field.refuse(reason)).ok()
}

/// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say, in small letters first. A
/// value that cannot be used is reported.
pub fn of_environment(
    section: &Section<'_>,
    base_url: &str,
    environment: &Environment<'_>,
) -> Option<Proxy> {
    let of_scheme = if base_url.starts_with("https://") {
        ["https_proxy", "HTTPS_PROXY"]
    } else if base_url.starts_with("http://") {
        ["http_proxy", "HTTP_PROXY"]
    } else {
        return None;
    };
    let either = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, non_empty(environment, name)?)))
    };
    let (name, text) = either(of_scheme).or_else(|| either(["all_proxy", "ALL_PROXY"]))?;
    let (_, exceptions) = either(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    if NoProxy::parse(&exceptions).covers(base_url) {
        return None;
    }
    let refuse = |reason: String| {
        section.refuse_missing(
            "proxy",
            format!("is not set, and the variable {name} cannot be used: {reason}"),
        )
    };
    parse(&text).map_err(refuse).ok()
}

/// An address such as `http://user:password@host:3128`. The messages do not repeat it.
fn parse(text: &str) -> Result<Proxy, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let (security, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (ProxySecurity::Plain, DEFAULT_PORT),
        "https" => (ProxySecurity::Tls, DEFAULT_TLS_PORT),
        other => {
            return Err(format!(
                "must begin with http:// or https://; a proxy of the kind {other} cannot be used"
            ));
        }
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let (user, host_and_port) =
        authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host_end = if host_and_port.starts_with('[') {
        host_and_port.find(']').map_or(host_and_port.len(), |end| end + 1)
    } else {
        host_and_port.find(':').unwrap_or(host_and_port.len())
    };
    let (host, port) = host_and_port.split_at(host_end);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has no host".to_owned());
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        Some(number) => number
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or("has a port that is not a number from 1 to 65535")?,
        None => return Err("has no host".to_owned()),
    };
    let authorization = user.map(authorization).transpose()?;
    Ok(Proxy { security, host: host.to_owned(), port, authorization })
}

/// User name and password as they stand in an address, as the header that carries them (RFC 7617).
fn authorization(user: &str) -> Result<Secret, String> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = [decoded(name)?, b":".to_vec(), decoded(password)?].concat();
    Ok(Secret::new(format!("Basic {}", base64(&decoded))))
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || {
        "has a user name or password with a % that is not followed by two hexadecimal digits"
            .to_owned()
    };
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || {
                bytes
                    .next()
                    .and_then(|digit| char::from(digit).to_digit(16))
                    .and_then(|digit| u8::try_from(digit).ok())
            };
            let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
            decoded.push(high * 16 + low);
        } else {
            decoded.push(byte);
        }
    }
    Ok(decoded)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0u32, |bits, (place, byte)| bits | u32::from(*byte) << (16 - 8 * place));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::document::read_document;
    use super::*;

    fn read_text(
        text: &str,
        base_url: &str,
        variables: &[(&str, &str)],
    ) -> Result<Option<Proxy>, String> {
        let environment = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        read_document(text, |root| Some(read(root, base_url, &environment)))
            .map_err(|mistakes| mistakes[0].to_string())
    }

    fn shown(proxy: &Proxy) -> String {
        let authorization = proxy.authorization.as_ref().map_or("", |secret| secret.expose());
        format!("{:?} {}:{} {authorization}", proxy.security, proxy.host, proxy.port)
    }

    #[test]
    fn an_address_says_scheme_host_port_and_password() {
        for (text, expected) in [
            ("http://proxy:3128", "Plain proxy:3128 "),
            ("proxy:3128", "Plain proxy:3128 "),
            ("http://proxy", "Plain proxy:1080 "),
            ("https://proxy/", "Tls proxy:443 "),
            ("http://[::1]:8080", "Plain ::1:8080 "),
            (
                "http://Aladdin:open%20sesame@proxy:1",
                "Plain proxy:1 Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            ),
            ("http://u:p%40ss@proxy:1", "Plain proxy:1 Basic dTpwQHNz"),
        ] {
            assert_eq!(shown(&parse(text).unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_without_what_is_secret() {
        let refusal =
            |text: &str| read_text(&format!("proxy = {text:?}\n"), "https://a", &[]).unwrap_err();
        assert_eq!(
            refusal("socks5://me:secret@h"),
            "line 1: proxy: must begin with http:// or https://; a proxy of the kind socks5 cannot be used"
        );
        assert_eq!(refusal("http://me:secret@"), "line 1: proxy: has no host");
        assert_eq!(
            refusal("http://me:secret@h:0"),
            "line 1: proxy: has a port that is not a number from 1 to 65535"
        );
        assert!(
            refusal("http://me:%zz@h:1")
                .starts_with("line 1: proxy: has a user name or password with a %")
        );
        let of_variable =
            read_text("", "https://a", &[("HTTPS_PROXY", "socks5://me:secret@h")]).unwrap_err();
        assert!(
            of_variable.contains("the variable HTTPS_PROXY cannot be used")
                && !of_variable.contains("secret"),
            "{of_variable}"
        );
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let all = [
            ("HTTPS_PROXY", "upper:1"),
            ("http_proxy", "plain:2"),
            ("ALL_PROXY", "all:3"),
            ("NO_PROXY", "inner.example,10.0.0.0/8"),
        ];
        for (base_url, expected) in [
            ("https://api.example", Some("upper")),
            ("http://api.example", Some("plain")),
            ("https://a.inner.example:8443", None),
            ("http://10.1.2.3", None),
        ] {
            assert_eq!(
                read_text("", base_url, &all).unwrap().map(|proxy| proxy.host).as_deref(),
                expected,
                "{base_url}"
            );
        }
        let lower = [("HTTPS_PROXY", "upper:1"), ("https_proxy", "lower:1")];
        assert_eq!(read_text("", "https://a", &lower).unwrap().unwrap().host, "lower");
        assert_eq!(
            read_text("", "http://127.0.0.1:1", &[("all_proxy", "all:3")]).unwrap().unwrap().host,
            "all"
        );
        assert_eq!(read_text("proxy = \"none\"\n", "https://a", &lower), Ok(None));
        assert_eq!(
            read_text("proxy = \"own:1\"\n", "https://a", &lower).unwrap().unwrap().host,
            "own"
        );
    }
}
