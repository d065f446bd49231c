//! Where a provider is. Vendors document addresses of many forms: with the version of the API or
//! without, with a path before or after it, with a query, or with the whole endpoint. All of them
//! are understood; what was meant is decided here, once.

use ainfera_schema::{ApiVersion, ProviderKind};
use ainfera_wire::provider::Dialect;

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Scheme, host and path, without a trailing slash and without the endpoint.
    pub url: String,
    pub api_version: ApiVersion,
    /// As it stood in the address, encoded.
    pub query: Vec<(String, String)>,
}

/// The dialects, as far as addresses go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Anthropic,
    Chat,
    Responses,
    Gemini,
}

impl Family {
    fn of(kind: ProviderKind) -> Self {
        match Dialect::of(kind) {
            Dialect::Anthropic => Family::Anthropic,
            Dialect::Chat(_) => Family::Chat,
            Dialect::Responses => Family::Responses,
            Dialect::Gemini => Family::Gemini,
        }
    }

    fn endpoints(self) -> &'static [&'static str] {
        match self {
            Family::Anthropic => &["/messages/count_tokens", "/messages"],
            Family::Chat => &["/chat/completions"],
            Family::Responses => &["/responses"],
            Family::Gemini => &[],
        }
    }
}

/// The address, or what is wrong with it. `has_api_version` tells that the provider's own query
/// says the version.
pub fn parse(text: &str, kind: ProviderKind, has_api_version: bool) -> Result<BaseUrl, String> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or_else(|| "must begin with http:// or https://".to_owned())?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must not hold spaces or letters outside ASCII".to_owned());
    }
    if rest.contains('#') {
        return Err("must not have a fragment".to_owned());
    }
    let (address, query) = text.split_once('?').unwrap_or((text, ""));
    let query = read_query(query);
    let address = address.trim_end_matches('/');
    let scheme_length = text.len() - rest.len();
    let authority_and_path = address.get(scheme_length..).unwrap_or_default();
    let (authority, path) = match authority_and_path.find('/') {
        Some(at) => authority_and_path.split_at(at),
        None => (authority_and_path, ""),
    };
    check_authority(authority)?;
    let has_api_version = has_api_version || query.iter().any(|(name, _)| name == "api-version");
    let (path, api_version) = read_path(path, Family::of(kind), has_api_version)?;
    Ok(BaseUrl { url: format!("{}{authority}{path}", &text[..scheme_length]), api_version, query })
}

fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The path without its endpoint, and whether the version of the API is in it.
fn read_path(
    path: &str,
    family: Family,
    has_api_version: bool,
) -> Result<(&str, ApiVersion), String> {
    if family == Family::Gemini
        && let Some(at) = path.find("/models/")
    {
        return Ok((&path[..at], ApiVersion::InBaseUrl));
    }
    // An address that ends with the endpoint contains the version before it.
    if let Some(base) = family.endpoints().iter().find_map(|endpoint| path.strip_suffix(endpoint)) {
        return Ok((base, ApiVersion::InBaseUrl));
    }
    for (other, kind) in [
        (Family::Chat, "openai_compatible"),
        (Family::Responses, "openai_responses"),
        (Family::Anthropic, "anthropic"),
    ] {
        if let Some(endpoint) = other.endpoints().iter().find(|endpoint| path.ends_with(**endpoint))
        {
            return Err(format!(
                "ends with {endpoint}, which is spoken by providers of another kind, such as \"{kind}\""
            ));
        }
    }
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let is_last = segments.last().is_some_and(|segment| is_version(segment));
    let is_complete = is_last
        || match family {
            Family::Anthropic => false,
            Family::Gemini => segments.contains(&"projects"),
            Family::Chat | Family::Responses => {
                has_api_version
                    || segments
                        .iter()
                        .any(|segment| is_version(segment) || *segment == "deployments")
            }
        };
    Ok((path, if is_complete { ApiVersion::InBaseUrl } else { ApiVersion::Added }))
}

/// `v1`, `v4`, `v1beta`, `v1alpha2`.
fn is_version(segment: &str) -> bool {
    let Some(rest) = segment.strip_prefix('v') else { return false };
    let number = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let stage = number.trim_end_matches(|letter: char| letter.is_ascii_digit());
    number.len() < rest.len() && matches!(stage, "" | "alpha" | "beta")
}

fn check_authority(authority: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err("must not hold a user name or password".to_owned());
    }
    let host_end = if authority.starts_with('[') {
        authority.find(']').map(|end| end + 1)
    } else {
        authority.find(':')
    };
    let (host, port) = authority.split_at(host_end.unwrap_or(authority.len()));
    if host.is_empty() || (host.starts_with('[') && !is_ipv6(host)) {
        return Err("has no host".to_owned());
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(number) if number.parse::<u16>().is_ok_and(|number| number > 0) => Ok(()),
        _ => Err("has a port that is not a number from 1 to 65535".to_owned()),
    }
}

fn is_ipv6(host: &str) -> bool {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use ApiVersion::{Added, InBaseUrl};

    use super::*;

    /// What an operator writes, and what the gateway makes of it.
    const ADDRESSES: &[(ProviderKind, &str, &str, ApiVersion)] = &[
        (ProviderKind::Anthropic, "https://api.anthropic.com", "https://api.anthropic.com", Added),
        (
            ProviderKind::Anthropic,
            "https://proxy.example/anthropic/",
            "https://proxy.example/anthropic",
            Added,
        ),
        (
            ProviderKind::Anthropic,
            "https://gw.example/v1/account/anthropic",
            "https://gw.example/v1/account/anthropic",
            Added,
        ),
        (
            ProviderKind::Anthropic,
            "https://api.anthropic.com/v1",
            "https://api.anthropic.com/v1",
            InBaseUrl,
        ),
        (
            ProviderKind::Anthropic,
            "https://a.example/v1/messages",
            "https://a.example/v1",
            InBaseUrl,
        ),
        (ProviderKind::Groq, "https://api.groq.com/openai/", "https://api.groq.com/openai", Added),
        (ProviderKind::OpenaiCompatible, "http://[::1]:9100", "http://[::1]:9100", Added),
        (
            ProviderKind::Openai,
            "https://api.openai.com/v1/",
            "https://api.openai.com/v1",
            InBaseUrl,
        ),
        (
            ProviderKind::Openai,
            "https://x.example/openai/deployments/gpt",
            "https://x.example/openai/deployments/gpt",
            InBaseUrl,
        ),
        (
            ProviderKind::OpenaiCompatible,
            "https://api.z.ai/api/coding/paas/v4",
            "https://api.z.ai/api/coding/paas/v4",
            InBaseUrl,
        ),
        (
            ProviderKind::OpenaiCompatible,
            "https://v.example/v1/projects/P/locations/L/endpoints/openapi",
            "https://v.example/v1/projects/P/locations/L/endpoints/openapi",
            InBaseUrl,
        ),
        (
            ProviderKind::OpenaiCompatible,
            "https://own.example/llm/chat/completions",
            "https://own.example/llm",
            InBaseUrl,
        ),
        (
            ProviderKind::GeminiCompatible,
            "https://g.example/v1beta/openai",
            "https://g.example/v1beta/openai",
            InBaseUrl,
        ),
        (ProviderKind::Gemini, "https://g.example", "https://g.example", Added),
        (ProviderKind::Gemini, "https://g.example/v1beta", "https://g.example/v1beta", InBaseUrl),
        (
            ProviderKind::Gemini,
            "https://g.example/v1/models/gemini-3:generateContent",
            "https://g.example/v1",
            InBaseUrl,
        ),
        (
            ProviderKind::Gemini,
            "https://v.example/v1/projects/P/locations/L/publishers/google",
            "https://v.example/v1/projects/P/locations/L/publishers/google",
            InBaseUrl,
        ),
        (
            ProviderKind::OpenaiResponses,
            "https://x.example/openai/v1/responses",
            "https://x.example/openai/v1",
            InBaseUrl,
        ),
    ];

    #[test]
    fn the_version_is_added_where_none_is_in_the_address() {
        for (kind, text, url, api_version) in ADDRESSES.iter().copied() {
            let read = parse(text, kind, false);
            assert_eq!(
                read,
                Ok(BaseUrl { url: url.to_owned(), api_version, query: Vec::new() }),
                "{kind:?} {text}"
            );
        }
    }

    #[test]
    fn a_query_is_kept_and_may_say_the_version() {
        let text = "https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21&a";
        let read = parse(text, ProviderKind::Openai, false).unwrap();
        assert_eq!(read.url, "https://x.openai.azure.com/openai/deployments/gpt");
        assert_eq!(
            read.query,
            [("api-version".to_owned(), "2024-10-21".to_owned()), ("a".to_owned(), String::new())]
        );
        for kind in [ProviderKind::Openai, ProviderKind::OpenaiResponses] {
            assert_eq!(
                parse("https://x.example/openai?api-version=1", kind, false).unwrap().api_version,
                InBaseUrl
            );
            assert_eq!(
                parse("https://x.example/openai", kind, true).unwrap().api_version,
                InBaseUrl
            );
        }
    }

    #[test]
    fn versions_look_like_versions() {
        for version in ["v1", "v4", "v10", "v1beta", "v1alpha", "v1beta2"] {
            assert!(is_version(version), "{version}");
        }
        for other in ["", "v", "vertex", "v1x", "1", "version", "vbeta"] {
            assert!(!is_version(other), "{other}");
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        for (text, reason) in [
            ("api.anthropic.com", "must begin with"),
            ("ftp://host", "must begin with"),
            ("https://", "has no host"),
            ("https:///path", "has no host"),
            ("http://[nonsense]", "has no host"),
            ("http://host:0", "has a port"),
            ("http://host:99999", "has a port"),
            ("http://[::1]x", "has a port"),
            ("http://user:word@host", "must not hold a user name"),
            ("http://host/a#b", "must not have a fragment"),
            ("http://ho st", "must not hold spaces"),
            (
                "http://host/v1/messages",
                "ends with /messages, which is spoken by providers of another kind, such as \"anthropic\"",
            ),
            (
                "http://host/v1/responses",
                "ends with /responses, which is spoken by providers of another kind",
            ),
        ] {
            let refusal = parse(text, ProviderKind::OpenaiCompatible, false).unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
        }
    }
}
