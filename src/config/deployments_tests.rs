use super::super::Config;
use super::*;

const PROVIDERS: &str = r#"
[[providers]]
id = "vendor"
kind = "openai"
api_keys = [{ name = "east", env = "KEY_1", weight = 3 }, { env = "KEY_2" }]

[[providers]]
id = "cloud"
kind = "openai_compatible"
base_url = "http://127.0.0.1:8000"
"#;

fn environment(name: &str) -> Option<String> {
    name.starts_with("KEY_").then(|| name.to_lowercase())
}

fn read(models: &str) -> Result<Config, Vec<String>> {
    let read = Config::from_toml(&format!("{PROVIDERS}{models}"), &environment);
    read.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

fn mistakes(text: &str) -> Vec<String> {
    let read = Config::from_toml(text, &environment);
    read.map_or_else(|mistakes| mistakes.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn a_model_is_at_every_provider_it_names_and_with_every_key() {
    let config = read(
        r#"
[[models]]
slug = "m"
upstream_name = "their-m"
price = { input = "1", output = "2" }
providers = [{ id = "vendor", weight = 2 }, { id = "cloud", upstream_name = "my-m", price = { input = "3", output = "4" } }]
[[models]]
slug = "alone"
provider = "cloud"
"#,
    )
    .unwrap();
    let of = |slug: &str| config.deployments.get(&ModelSlug::new(slug));
    let deployments = of("m").unwrap();
    let places: Vec<(&str, &str, String, u64)> = deployments
        .iter()
        .map(|deployed| {
            let model = &deployed.model;
            (
                model.provider.as_str(),
                model.upstream_name.as_str(),
                model.price.as_ref().unwrap().base.input.to_string(),
                deployed.weight,
            )
        })
        .collect();
    let expected = [
        ("vendor#east", "their-m", "1".to_owned(), 1_500_000),
        ("vendor#2", "their-m", "1".to_owned(), 500_000),
        ("cloud", "my-m", "3".to_owned(), 1_000_000),
    ];
    assert_eq!(places, expected);
    assert_eq!(of("alone"), None);
    let model = config.models.iter().find(|model| model.slug.as_str() == "m").unwrap();
    assert_eq!(model.provider.as_str(), "vendor#east");
    let keys: Vec<(&str, Option<&str>)> = config
        .providers
        .iter()
        .map(|provider| (provider.id.as_str(), provider.api_key.as_ref().map(|key| key.expose())))
        .collect();
    assert_eq!(
        keys,
        [("vendor#east", Some("key_1")), ("vendor#2", Some("key_2")), ("cloud", None)]
    );
}

#[test]
fn built_in_models_use_every_key_of_their_vendor() {
    let config = read("").unwrap();
    assert!(!config.models.is_empty());
    for model in &config.models {
        assert_eq!(config.deployments.get(&model.slug).map(Vec::len), Some(2), "{}", model.slug);
    }
}

#[test]
fn each_mistake_is_reported_at_its_field() {
    let models = r#"
[[models]]
slug = "both"
provider = "cloud"
providers = [{ id = "cloud" }]
[[models]]
slug = "none"
[[models]]
slug = "empty"
providers = [{ id = "clowd", wieght = 1 }, { id = "cloud", weight = 0 }, { id = "cloud" }]
[[models]]
slug = "half priced"
providers = [{ id = "cloud" }, { id = "vendor", price = { input = "1", output = "1" } }]
"#;
    assert_eq!(
        mistakes(&format!("{PROVIDERS}{models}")),
        [
            "line 14: models[0].provider: give either provider or providers, not both",
            "line 16: models[1].provider: is missing; only a built-in model of a configured provider goes without",
            "line 20: models[2].providers[0].id: there is no provider \"clowd\"; did you mean \"cloud\"?",
            "line 20: models[2].providers[0].wieght: unknown key; did you mean \"weight\"?",
            "line 20: models[2].providers[1].weight: must be from 1 to 1000, not 0",
            "line 20: models[2].providers[2].id: \"cloud\" is an earlier provider of this model",
            "line 22: models[3].slug: must be at most 128 letters, digits and signs, without spaces or quotes",
            "line 23: models[3].providers: provider \"cloud\" has no price: give each provider one, or the model one for all that have none",
        ]
    );
}

#[test]
fn keys_have_names_of_their_own_and_are_no_single_key() {
    let provider = |keys: &str| format!("[[providers]]\nid = \"a\"\nkind = \"openai\"\n{keys}\n");
    let cases = [
        ("api_keys = []", "line 4: providers[0].api_keys: must have at least one key"),
        (
            "api_keys = [{ name = \"x\" }]",
            "line 4: providers[0].api_keys[0].env: is missing; give { env = \"NAME\" } or { file = \"PATH\" }",
        ),
        (
            "api_keys = [{ name = \"x\", env = \"KEY_1\" }, { name = \"x\", env = \"KEY_2\" }]",
            "line 4: providers[0].api_keys[1].name: \"x\" is the name of an earlier key",
        ),
        (
            "api_key = { env = \"KEY_1\" }\napi_keys = [{ env = \"KEY_2\" }]",
            "line 5: providers[0].api_keys: give either api_key or api_keys, not both",
        ),
        (
            "api_keys = [{ env = \"UNSET\" }]",
            "line 4: providers[0].api_keys[0].env: the environment variable UNSET is not set or empty",
        ),
    ];
    for (keys, expected) in cases {
        assert_eq!(mistakes(&provider(keys)), [expected], "{keys}");
    }
    let named = "[[providers]]\nid = \"a#b\"\nkind = \"openai\"\napi_key = { env = \"KEY_1\" }\n";
    assert_eq!(
        mistakes(named),
        [
            "line 2: providers[0].id: must not contain #, which stands between a provider and its key"
        ]
    );
}
