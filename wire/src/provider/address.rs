//! The addresses of a provider's endpoints.

use ainfera_schema::{ApiVersion, Provider, ProviderKind};

use crate::provider::Dialect;
use crate::provider::chat::profile::ChatProfile;

/// `endpoint` at this provider, such as `/messages`. `version` is the dialect's own, such as `/v1`,
/// for a `base_url` that holds none.
pub(super) fn address(provider: &Provider, version: &str, endpoint: &str) -> String {
    let version = match provider.network.api_version {
        ApiVersion::Added => version,
        ApiVersion::InBaseUrl => "",
    };
    let mut address = format!("{}{version}{endpoint}", provider.base_url);
    for (name, value) in &provider.network.query {
        address.push(if address.contains('?') { '&' } else { '?' });
        address.push_str(name);
        address.push('=');
        address.push_str(value);
    }
    address
}

/// Where Anthropic's dialect has a prompt counted.
pub fn count_tokens(provider: &Provider) -> String {
    address(provider, "/v1", "/messages/count_tokens")
}

/// Where responses are made. A deployment of Azure's takes Chat Completions only, its account the
/// rest.
pub(super) fn responses(provider: &Provider) -> String {
    let version = match Dialect::of(provider.kind) {
        Dialect::Chat(profile) => version_of(profile),
        Dialect::Anthropic | Dialect::Responses | Dialect::Gemini => "/v1",
    };
    at_account(provider, version, "/responses")
}

/// What stands before the endpoint in addresses of this vendor.
pub(super) fn version_of(profile: &ChatProfile) -> &'static str {
    profile.path.strip_suffix("/chat/completions").unwrap_or("/v1")
}

/// Where a provider lists its models.
pub fn models(provider: &Provider) -> String {
    match Dialect::of(provider.kind) {
        Dialect::Anthropic => address(provider, "/v1", "/models?limit=1000"),
        Dialect::Gemini => address(provider, "/v1beta", "/models?pageSize=1000"),
        Dialect::Responses => at_account(provider, "/v1", "/models"),
        Dialect::Chat(profile) => at_account(provider, version_of(profile), "/models"),
    }
}

/// What a deployment does not have: the account that it belongs to has it.
fn at_account(provider: &Provider, version: &str, endpoint: &str) -> String {
    match provider.base_url.split_once("/deployments/") {
        Some((account, _)) => address(
            &Provider { base_url: account.to_owned(), ..provider.clone() },
            version,
            endpoint,
        ),
        None => address(provider, version, endpoint),
    }
}

/// The headers with which a provider is asked for its list: version and key of its dialect, and
/// those that are configured, which go before.
pub fn list_headers(provider: &Provider) -> Vec<(String, String)> {
    let dialect = Dialect::of(provider.kind);
    let key = provider.api_key.as_ref().map(|key| key.expose()).map(|key| match dialect {
        _ if provider.kind == ProviderKind::Azure => ("api-key", key.to_owned()),
        Dialect::Anthropic => ("x-api-key", key.to_owned()),
        Dialect::Gemini => ("x-goog-api-key", key.to_owned()),
        Dialect::Chat(_) | Dialect::Responses => ("authorization", format!("Bearer {key}")),
    });
    let version =
        (dialect == Dialect::Anthropic).then(|| ("anthropic-version", "2023-06-01".to_owned()));
    let configured = &provider.network.headers;
    let own = key.into_iter().chain(version).map(|(name, value)| (name.to_owned(), value));
    let own = own.filter(|(name, _)| configured.iter().all(|header| header.name != *name));
    own.chain(
        configured.iter().map(|header| (header.name.clone(), header.value.expose().to_owned())),
    )
    .collect()
}

#[cfg(test)]
mod tests {
    use ainfera_schema::{Network, OnDisconnect, OwnDeadlines, ProviderId, StreamMode};

    use super::*;

    fn provider(kind: ProviderKind, base_url: &str, network: Network) -> Provider {
        Provider {
            id: ProviderId::new("p"),
            kind,
            base_url: base_url.to_owned(),
            api_key: None,
            on_disconnect: OnDisconnect::Cancel,
            max_concurrent: None,
            stream_mode: StreamMode::Native,
            network,
            deadlines: OwnDeadlines::default(),
            unsaid: ainfera_schema::Unsaid::default(),
        }
    }

    #[test]
    fn the_version_is_added_only_where_it_is_missing_and_the_query_comes_last() {
        let plain = provider(ProviderKind::Openai, "https://h", Network::default());
        assert_eq!(address(&plain, "/v1", "/chat/completions"), "https://h/v1/chat/completions");
        let query =
            vec![("api-version".to_owned(), "1".to_owned()), ("a".to_owned(), "b%20c".to_owned())];
        let complete = provider(
            ProviderKind::Openai,
            "https://h/v4",
            Network { api_version: ApiVersion::InBaseUrl, query, ..Network::default() },
        );
        assert_eq!(
            address(&complete, "/v1", "/chat/completions"),
            "https://h/v4/chat/completions?api-version=1&a=b%20c"
        );
        assert_eq!(
            address(&complete, "/v1", "/x?alt=sse"),
            "https://h/v4/x?alt=sse&api-version=1&a=b%20c"
        );
    }

    #[test]
    fn each_vendor_lists_its_models_somewhere() {
        for (kind, base_url, api_version, expected) in [
            (
                ProviderKind::Anthropic,
                "https://h",
                ApiVersion::Added,
                "https://h/v1/models?limit=1000",
            ),
            (
                ProviderKind::Gemini,
                "https://h",
                ApiVersion::Added,
                "https://h/v1beta/models?pageSize=1000",
            ),
            (
                ProviderKind::GeminiCompatible,
                "https://h",
                ApiVersion::Added,
                "https://h/v1beta/openai/models",
            ),
            (ProviderKind::OpenaiResponses, "https://h", ApiVersion::Added, "https://h/v1/models"),
            (
                ProviderKind::OpenaiCompatible,
                "https://h/paas/v4",
                ApiVersion::InBaseUrl,
                "https://h/paas/v4/models",
            ),
            (
                ProviderKind::Openai,
                "https://h/openai/deployments/d",
                ApiVersion::InBaseUrl,
                "https://h/openai/models",
            ),
        ] {
            let provider = provider(kind, base_url, Network { api_version, ..Network::default() });
            assert_eq!(models(&provider), expected, "{kind:?}");
        }
    }
}
