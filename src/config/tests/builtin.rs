//! Providers and models that the file does not name: the built-in ones.

use super::*;

#[test]
fn without_a_key_the_scripted_provider_serves_the_five_seed_models() {
    let config = Config::from_environment(&nothing_set).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.database, DatabaseUrl::default());
    assert_eq!((config.replica.as_str(), config.max_attempts), ("main", 3));
    assert_eq!(
        config.providers.iter().map(|provider| provider.kind).collect::<Vec<_>>(),
        [ProviderKind::Mock]
    );
    let seed: Vec<(&str, &str, Decimal)> = config
        .models
        .iter()
        .map(|model| (model.slug.as_str(), model.maker.as_str(), model.q_prior.unwrap()))
        .collect();
    assert_eq!(
        seed,
        [
            ("claude-opus-4-7", "anthropic", Decimal::new(95, 2)),
            ("gpt-5-5", "openai", Decimal::new(93, 2)),
            ("gemini-3-1-pro", "google", Decimal::new(90, 2)),
            ("grok-4", "xai", Decimal::new(86, 2)),
            ("mistral-large-3", "mistral", Decimal::new(80, 2)),
        ]
    );
    assert!(config.models.iter().all(|model| model.price.is_some()
        && model.m_allowed == Some(true)
        && model.provider.as_str() == "mock"));
}

#[test]
fn each_key_in_the_environment_brings_its_vendor_with_a_routable_model() {
    for vendor in &vendor::VENDORS {
        let only_this = |name: &str| match name {
            name if name == vendor.key_variable => Some("k".to_owned()),
            "OPENAI_API_KEY" => Some(String::new()),
            _ => None,
        };
        let config = Config::from_environment(&only_this).unwrap();
        assert_eq!(config.providers.len(), 1, "{}", vendor.key_variable);
        let provider = &config.providers[0];
        assert_eq!((provider.kind, provider.base_url.as_str()), (vendor.kind, vendor.base_url));
        assert!(config.models.len() >= 2, "{}", vendor.key_variable);
        let routable = |model: &&Model| {
            model.q_prior.is_some() && model.price.is_some() && model.m_allowed == Some(true)
        };
        let all_are_its = config.models.iter().all(|model| model.provider == provider.id);
        assert!(
            all_are_its && config.models.iter().filter(routable).count() > 0,
            "{}",
            vendor.key_variable
        );
        assert!(config.models.iter().all(|model| model.price.is_some()), "{}", vendor.key_variable);
    }
}

#[test]
fn each_key_of_a_vendor_without_measured_models_brings_a_model_to_pin() {
    for vendor in &vendor::PINNED_VENDORS {
        let only_this = |name: &str| (name == vendor.key_variable).then(|| "k".to_owned());
        let config = Config::from_environment(&only_this).unwrap();
        assert_eq!(config.providers.len(), 1, "{}", vendor.key_variable);
        let provider = &config.providers[0];
        assert_eq!((provider.kind, provider.base_url.as_str()), (vendor.kind, vendor.base_url));
        let is_pinnable = |model: &Model| model.provider == provider.id && model.price.is_some();
        assert!(
            !config.models.is_empty() && config.models.iter().all(is_pinnable),
            "{}",
            vendor.key_variable
        );
    }
}

#[test]
fn all_keys_together_give_each_slug_once() {
    let everything = |name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned());
    let config = Config::from_environment(&everything).unwrap();
    assert_eq!(config.providers.len(), 14);
    let slugs: BTreeSet<&ModelSlug> = config.models.iter().map(|model| &model.slug).collect();
    assert_eq!(slugs.len(), config.models.len());
    assert!(config.models.len() >= 25, "{}", config.models.len());
}

#[test]
fn providers_without_models_get_the_built_in_ones_of_their_kind() {
    let text =
        "[[providers]]\nid = \"claude\"\nkind = \"anthropic\"\nbase_url = \"http://127.0.0.1:1\"\n";
    let config = Config::from_toml(text, &nothing_set).unwrap();
    assert!(
        config.models.iter().all(|model| model.provider.as_str() == "claude"
            && model.slug.as_str().starts_with("claude-"))
    );
    let text = "[[providers]]\nid = \"local\"\nkind = \"openai_compatible\"\nbase_url = \"http://127.0.0.1:1\"\n";
    assert_eq!(mistakes(text), ["line 1: models: there is none: nothing could be called"]);
}

#[test]
fn two_dialects_of_one_vendor_have_its_address_its_key_and_its_models() {
    let key = |name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned());
    for (kind, vendor, variable) in [
        ("openai_responses", "openai", "OPENAI_API_KEY"),
        ("gemini_compatible", "gemini", "GEMINI_API_KEY"),
    ] {
        let read = |kind: &str| {
            let text = format!(
                "[[providers]]\nid = \"p\"\nkind = \"{kind}\"\napi_key = {{ env = \"{variable}\" }}\n"
            );
            Config::from_toml(&text, &key).unwrap()
        };
        let (one, other) = (read(kind), read(vendor));
        assert_eq!(one.providers[0].base_url, other.providers[0].base_url);
        assert!(!one.models.is_empty());
        assert_eq!(one.models, other.models, "{kind}");
    }
}

#[test]
fn a_model_of_the_file_adds_to_the_built_in_ones_or_corrects_one() {
    let key = |name: &str| (name == "ANTHROPIC_API_KEY").then(|| "k".to_owned());
    let built_in = Config::from_toml("", &key).unwrap().models;
    let correction =
        "[[models]]\nslug = \"claude-opus-4-7\"\nprice = { input = \"6\", output = \"30\" }\n";
    let addition = "[[models]]\nslug = \"ours\"\nprovider = \"anthropic\"\n";
    let own_provider = "[[providers]]\nid = \"anthropic\"\nkind = \"anthropic\"\nbase_url = \"http://127.0.0.1:1\"\n";
    for text in [format!("{correction}{addition}"), format!("{own_provider}{correction}{addition}")]
    {
        let models = Config::from_toml(&text, &key).unwrap().models;
        assert_eq!(models.len(), built_in.len() + 1, "{text}");
        let find = |models: &[Model]| {
            models.iter().find(|model| model.slug.as_str() == "claude-opus-4-7").cloned().unwrap()
        };
        let (before, after) = (find(&built_in), find(&models));
        assert_eq!(after.price.as_ref().unwrap().base.input, Decimal::from(6));
        assert_eq!(
            Model { price: before.price.clone(), as_of: before.as_of, ..after },
            before,
            "all else stays"
        );
    }
}

#[test]
fn a_file_that_names_providers_and_defines_its_models_is_complete() {
    let own = "[[providers]]\nid = \"p\"\nkind = \"anthropic\"\nbase_url = \"http://127.0.0.1:1\"\n[[models]]\nslug = \"m\"\nprovider = \"p\"\n";
    let count = |text: &str| Config::from_toml(text, &|_| None).map(|config| config.models.len());
    assert_eq!(count(own), Ok(1));
    assert!(count(&format!("catalogue = \"built_in\"\n{own}")).is_ok_and(|models| models > 3));
    assert_eq!(
        count("catalogue = \"none\"\n[[models]]\nslug = \"m\"\nprovider = \"mock\"\n"),
        Ok(1)
    );
    assert_eq!(
        mistakes("catalogue = \"some\"\n"),
        ["line 1: catalogue: \"some\" is none of built_in, none"]
    );
    let unknown = "[[models]]\nslug = \"m\"\n";
    assert_eq!(
        mistakes(unknown),
        [
            "line 1: models[0].provider: is missing; only a built-in model of a configured provider goes without"
        ]
    );
}
