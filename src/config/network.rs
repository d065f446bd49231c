//! How a provider is reached: the keys `query`, `headers`, `ca_file`, `proxy` and `keep_alive` of
//! its table.

use ainfera_schema::{HeaderText, Network, ProviderHeader, Trust};

use super::base_url::BaseUrl;
use super::document::Section;
use super::environment::Environment;
use super::field::Field;
use super::{ca_file, proxy, secret};

/// Headers that are the transport's own: another value would break it.
const OWN_HEADERS: [&str; 13] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "proxy-authorization",
];
/// Headers that hold keys, which are not written in the configuration.
const SECRET_HEADERS: [&str; 5] =
    ["authorization", "api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

/// Whether the provider's `query` says which version of the API is asked.
pub fn says_api_version(section: &Section<'_>) -> bool {
    section.field("query").is_some_and(|field| field.has_key("api-version"))
}

/// Reads the keys. `base` is the address; left out where it is mistaken.
pub fn read(
    section: &Section<'_>,
    base: Option<&BaseUrl>,
    environment: &Environment<'_>,
) -> Network {
    let mut query = base.map(|base| base.query.clone()).unwrap_or_default();
    for (name, value) in section.field("query").map(|field| read_query(&field)).unwrap_or_default()
    {
        query.retain(|(known, _)| *known != name);
        query.push((name, value));
    }
    Network {
        api_version: base.map(|base| base.api_version).unwrap_or_default(),
        query,
        headers: section
            .field("headers")
            .map(|field| read_headers(&field, environment))
            .unwrap_or_default(),
        trust: ca_file::read(section),
        proxy: proxy::read(section, base.map_or("", |base| &base.url), environment),
        keep_alive: section.field("keep_alive").and_then(|field| field.duration_or_zero()),
    }
}

/// Of a provider that has no table.
pub fn without_a_table(
    root: &Section<'_>,
    base_url: &str,
    environment: &Environment<'_>,
) -> Network {
    Network {
        proxy: proxy::of_environment(root, base_url, environment),
        trust: Trust::Platform,
        ..Network::default()
    }
}

fn read_query(field: &Field<'_>) -> Vec<(String, String)> {
    let mut query = Vec::new();
    field.table(|table| {
        table.each_field(|name, field| {
            if let Some(value) = field.any_text() {
                query.push((encoded(name), encoded(value)));
            }
        });
        Some(())
    });
    query
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn read_headers(field: &Field<'_>, environment: &Environment<'_>) -> Vec<ProviderHeader> {
    let mut headers: Vec<ProviderHeader> = Vec::new();
    field.table(|table| {
        table.each_field(|name, field| {
            let lower = name.to_ascii_lowercase();
            if let Some(reason) = refusal_of_name(&lower, &headers) {
                field.refuse(reason);
            } else if let Some(value) = read_value(&lower, field, environment) {
                headers.push(ProviderHeader { name: lower, value });
            }
        });
        Some(())
    });
    headers
}

fn refusal_of_name(name: &str, headers: &[ProviderHeader]) -> Option<&'static str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        Some("is no name of a header")
    } else if OWN_HEADERS.contains(&name) {
        Some("is set by the gateway itself")
    } else if headers.iter().any(|header| header.name == name) {
        Some("is there twice: the case of letters makes no difference")
    } else {
        None
    }
}

fn read_value(name: &str, field: &Field<'_>, environment: &Environment<'_>) -> Option<HeaderText> {
    if field.is_table() {
        return secret::read_phrase(field, environment).map(HeaderText::Secret);
    }
    if SECRET_HEADERS.contains(&name) {
        field.refuse("holds a key: give { env = \"NAME\" } or { file = \"PATH\" }; secrets are not written here");
        return None;
    }
    let text = field.text()?;
    if !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        field.refuse("must be one line of ASCII letters, digits and signs");
        return None;
    }
    Some(HeaderText::Plain(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn network(more: &str) -> Result<Network, String> {
        let text = format!(
            "[[providers]]\nid = \"p\"\nkind = \"openai\"\nbase_url = \"https://h/x?a=1&b=2\"\n{more}\n[[models]]\nslug = \"m\"\nprovider = \"p\"\n"
        );
        let environment = |name: &str| (name == "KEY").then(|| "Bearer abc def".to_owned());
        let read = Config::from_toml(&text, &environment);
        read.map(|mut config| config.providers.remove(0).network).map_err(|mistakes| {
            mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
        })
    }

    #[test]
    fn a_query_of_the_table_goes_before_that_of_the_address() {
        let read = network("query = { b = \"x y/z\", \"api-version\" = \"\" }").unwrap();
        let query: Vec<String> =
            read.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(query, ["a=1", "api-version=", "b=x%20y%2Fz"]);
        assert_eq!(read.api_version, ainfera_schema::ApiVersion::InBaseUrl);
    }

    #[test]
    fn headers_are_plain_or_secret_and_secrets_do_not_show() {
        let read =
            network("headers = { X-Title = \"Our agents\", Authorization = { env = \"KEY\" } }")
                .unwrap();
        let headers: Vec<(&str, &str)> = read
            .headers
            .iter()
            .map(|header| (header.name.as_str(), header.value.expose()))
            .collect();
        assert_eq!(headers, [("authorization", "Bearer abc def"), ("x-title", "Our agents")]);
        assert!(!format!("{read:?}").contains("abc"));
    }

    #[test]
    fn mistakes_are_named_with_line_and_field() {
        let refused = |more: &str| network(more).unwrap_err();
        for (more, mistake) in [
            ("query = 3", "line 5: providers[0].query: must be a table, not an integer"),
            ("query = { a = 3 }", "line 5: providers[0].query.a: must be a string, not an integer"),
            (
                "headers = { host = \"x\" }",
                "line 5: providers[0].headers.host: is set by the gateway itself",
            ),
            (
                "headers = { \"a b\" = \"x\" }",
                "line 5: providers[0].headers.a b: is no name of a header",
            ),
            (
                "headers = { a = \"x\\ny\" }",
                "line 5: providers[0].headers.a: must be one line of ASCII letters, digits and signs",
            ),
            (
                "headers = { a = { env = \"NONE\" } }",
                "line 5: providers[0].headers.a.env: the environment variable NONE is not set or empty",
            ),
            (
                "keep_alive = \"often\"",
                "line 5: providers[0].keep_alive: must be a time such as \"500ms\", \"10s\" or \"2m\"",
            ),
            ("proxy = true", "line 5: providers[0].proxy: must be a string, not a boolean"),
            (
                "proxi = \"none\"",
                "line 5: providers[0].proxi: unknown key; did you mean \"proxy\"?",
            ),
        ] {
            assert_eq!(refused(more), mistake);
        }
        let written = refused("headers = { \"api-key\" = \"sk-1\" }");
        assert!(
            written.starts_with("line 5: providers[0].headers.api-key: holds a key")
                && !written.contains("sk-1"),
            "{written}"
        );
        let twice = refused("headers = { A = \"x\", a = \"y\" }");
        assert!(twice.contains("is there twice"), "{twice}");
    }
}
