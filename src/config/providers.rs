//! The `[[providers]]` tables.

use std::collections::BTreeSet;

use ainfera_schema::provider::KEY_SEPARATOR;
use ainfera_schema::{
    ApiVersion, Network, OnDisconnect, Provider, ProviderId, ProviderKind, Secret,
};

use super::api_keys::{self, KeyedProvider};
use super::base_url::{self, BaseUrl};
use super::document::Section;
use super::environment::Environment;
use super::network;
use super::own_deadlines;
use super::secret;
use super::stream_mode;
use super::unsaid;
use super::vendor::vendor;

/// What the `[[providers]]` tables say.
pub struct Providers {
    pub list: Vec<Provider>,
    /// Those of them that have several keys.
    pub keyed: Vec<KeyedProvider>,
    /// Every id that is named, also where the rest of its table is mistaken: a model that uses it
    /// is not one more mistake.
    pub named: BTreeSet<String>,
}

impl Providers {
    /// Providers that no table names.
    pub fn all_named(list: Vec<Provider>) -> Self {
        let named = list.iter().map(|provider| provider.id.as_str().to_owned()).collect();
        Self { list, named, keyed: Vec::new() }
    }
}

/// Reads every provider.
pub fn read(root: &Section<'_>, environment: &Environment<'_>) -> Providers {
    let mut named = BTreeSet::new();
    let mut keyed = Vec::new();
    let list = root.each("providers", |section| {
        let keys = api_keys::read(section, environment);
        let provider = read_one(section, environment, &mut named)?;
        if !keys.is_empty() {
            keyed.push(KeyedProvider { id: provider.id.clone(), keys });
        }
        Some(provider)
    });
    Providers { list, keyed, named }
}

fn read_one(
    section: &Section<'_>,
    environment: &Environment<'_>,
    named: &mut BTreeSet<String>,
) -> Option<Provider> {
    let id = read_id(section, named);
    let words = ProviderKind::ALL.map(|kind| (kind.as_str(), kind));
    let kind = section.required("kind").and_then(|field| field.one_of(&words));
    let url_field = section.field("base_url");
    let says_api_version = network::says_api_version(section);
    let base = match &url_field {
        // The address is checked even where the kind is wrong, so that both mistakes are reported.
        Some(field) => field.text().and_then(|text| {
            let read = base_url::parse(
                text,
                kind.unwrap_or(ProviderKind::OpenaiCompatible),
                says_api_version,
            );
            read.map_err(|reason| field.refuse(reason)).ok()
        }),
        None => kind.and_then(|kind| default_base_url(section, kind, says_api_version)),
    };
    let key_field = section.field("api_key");
    let api_key: Option<Secret> =
        key_field.as_ref().and_then(|field| secret::read(field, environment));
    let keys_field = section.field("api_keys");
    match &keys_field {
        Some(field) if key_field.is_some() => {
            field.refuse("give either api_key or api_keys, not both")
        }
        Some(field) if field.is_empty_list() => field.refuse("must have at least one key"),
        Some(_) | None => {}
    }
    let has_key = key_field.is_some() || keys_field.is_some();
    let vendor_key_missing = kind.and_then(vendor).filter(|_| url_field.is_none() && !has_key);
    if let Some(vendor) = vendor_key_missing {
        section.refuse_missing(
            "api_key",
            format!("is missing; give {{ env = \"{}\" }}", vendor.key_variable),
        );
    }
    let on_disconnect = section.field("on_disconnect");
    let on_disconnect = on_disconnect.and_then(|field| {
        field.one_of(&[("cancel", OnDisconnect::Cancel), ("drain", OnDisconnect::Drain)])
    });
    let on_disconnect = on_disconnect.unwrap_or_default();
    let max_concurrent =
        section.field("max_concurrent").and_then(|field| field.whole(1..=1_000_000));
    let max_concurrent = max_concurrent.and_then(|limit| u32::try_from(limit).ok());
    let stream_mode = stream_mode::read(section);
    let network = network::read(section, base.as_ref(), environment);
    let deadlines = own_deadlines::read(section);
    let unsaid = unsaid::read(section, kind, is_dated(&network));
    Some(Provider {
        id: ProviderId::new(id?),
        kind: kind?,
        base_url: base?.url,
        api_key,
        on_disconnect,
        max_concurrent,
        stream_mode,
        network,
        deadlines,
        unsaid,
    })
}

/// Whether requests name a dated version of the API.
fn is_dated(network: &Network) -> bool {
    network.query.iter().any(|(name, _)| name == "api-version")
}

fn read_id<'d>(section: &Section<'d>, named: &mut BTreeSet<String>) -> Option<&'d str> {
    let field = section.required("id")?;
    let id = field.name()?;
    if id.contains(KEY_SEPARATOR) {
        field.refuse(format!(
            "must not contain {KEY_SEPARATOR}, which stands between a provider and its key"
        ));
    }
    if !named.insert(id.to_owned()) {
        field.refuse(format!("\"{id}\" is the id of an earlier provider"));
    }
    Some(id)
}

/// Empty for the scripted provider: it is started beside the gateway, which then knows its address.
fn default_base_url(
    section: &Section<'_>,
    kind: ProviderKind,
    says_api_version: bool,
) -> Option<BaseUrl> {
    if kind == ProviderKind::Mock {
        return Some(BaseUrl {
            url: String::new(),
            api_version: ApiVersion::Added,
            query: Vec::new(),
        });
    }
    let known = vendor(kind)
        .and_then(|vendor| base_url::parse(vendor.base_url, kind, says_api_version).ok());
    if known.is_none() {
        section.refuse_missing("base_url", "is missing; give the provider's address");
    }
    known
}
