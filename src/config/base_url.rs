//! Where a provider is: scheme, host and perhaps a path, without `/v1`.

/// The URL without a trailing slash, or what is wrong with it.
pub fn parse(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))
        .ok_or_else(|| "must begin with http:// or https://".to_owned())?;
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must not hold spaces or letters outside ASCII".to_owned());
    }
    if rest.contains(['?', '#']) {
        return Err("must not have a query or a fragment".to_owned());
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    check_authority(authority)?;
    if path.split('/').next_back() == Some("v1") {
        return Err(format!("leave out /v1, which is added: \"{}\"", url.trim_end_matches("/v1")));
    }
    Ok(url.to_owned())
}

fn check_authority(authority: &str) -> Result<(), String> {
    if authority.contains('@') {
        return Err("must not hold a user name or password".to_owned());
    }
    let host_end = if authority.starts_with('[') { authority.find(']').map(|end| end + 1) } else { authority.find(':') };
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
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_port_stay_and_a_trailing_slash_goes() {
        for (text, expected) in [
            ("https://api.anthropic.com", "https://api.anthropic.com"),
            ("https://api.groq.com/openai/", "https://api.groq.com/openai"),
            ("http://127.0.0.1:9100", "http://127.0.0.1:9100"),
            ("http://[::1]:9100", "http://[::1]:9100"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_cannot_be_called_is_refused_with_the_reason() {
        for (text, reason) in [
            ("api.anthropic.com", "must begin with"),
            ("ftp://host", "must begin with"),
            ("https://", "must begin with"),
            ("https:///path", "has no host"),
            ("http://[nonsense]", "has no host"),
            ("http://host:0", "has a port"),
            ("http://host:99999", "has a port"),
            ("http://[::1]x", "has a port"),
            ("http://user:word@host", "must not hold a user name"),
            ("http://host/a?b", "must not have a query"),
            ("http://ho st", "must not hold spaces"),
            ("https://api.openai.com/v1", "leave out /v1, which is added: \"https://api.openai.com\""),
            ("https://api.openai.com/v1/", "leave out /v1"),
        ] {
            let refusal = parse(text).unwrap_err();
            assert!(refusal.starts_with(reason), "{text}: {refusal}");
        }
    }
}
