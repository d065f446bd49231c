use super::*;
use ainfera_schema::{ModelSlug, ProviderKind};
use rust_decimal::Decimal;
use std::collections::BTreeSet;
use std::time::Duration;

const GOOD: &str = r#"
listen = "0.0.0.0:9000"
database = "postgres://me:hunter2@db/ainfera"
replica = "a"
workers = 2
max_in_flight = 50
max_attempts = 2

[deadlines]
connect = "1s"
first_event = "2500ms"

[routing]
default_floor = "0.7"
expected_cost_ranking = true

[limits]
body_bytes = 1048576

[idempotency]
retain_answers = false

[[providers]]
id = "anthropic"
kind = "anthropic"
base_url = "http://127.0.0.1:9100/"
api_key = { env = "ANTHROPIC_API_KEY" }

[[providers]]
id = "local"
kind = "openai_compatible"
base_url = "http://127.0.0.1:8000"

[[models]]
slug = "claude-opus-4-7"
provider = "anthropic"
q_prior = "0.95"
price = { input = "15", output = 75, cache_read = "1.5" }
m_allowed = true
context_window = 200_000

[[models]]
slug = "llama"
provider = "local"
upstream_name = "meta-llama/Llama-4"
maker = "meta"
supports_tools = false
"#;

fn environment(name: &str) -> Option<String> {
    (name == "ANTHROPIC_API_KEY").then(|| "sk-ant-1".to_owned())
}

fn nothing_set(_: &str) -> Option<String> {
    None
}

fn mistakes(text: &str) -> Vec<String> {
    Config::from_toml(text, &environment)
        .map_or_else(|mistakes| mistakes.iter().map(Mistake::to_string).collect(), |_| Vec::new())
}

#[test]
fn a_good_file_is_read_whole() {
    let config = Config::from_toml(GOOD, &environment).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.database.to_string(), "postgres://db/ainfera");
    assert_eq!(
        (config.replica.as_str(), config.workers, config.max_in_flight, config.max_attempts),
        ("a", Some(2), 50, 2)
    );
    assert_eq!(config.deadlines.connect, Duration::from_secs(1));
    assert_eq!(config.deadlines.answering.first_event, Duration::from_millis(2500));
    assert_eq!(config.deadlines.reasoning.first_event, Duration::from_millis(2500));
    assert_eq!(config.deadlines.answering.total, Deadlines::default().answering.total);
    assert_eq!(config.routing.default_floor, Decimal::new(7, 1));
    assert!(
        config.routing.floor_on_q_prior
            && config.routing.expected_cost_ranking
            && !config.routing.preference_live
    );
    assert_eq!(config.limits.body_bytes, 1 << 20);
    assert_eq!(config.answers, AnswerRetention::Discard);
    assert_eq!(Config::from_environment(&nothing_set).unwrap().answers, AnswerRetention::Keep);

    assert_eq!(config.providers[0].base_url, "http://127.0.0.1:9100");
    assert_eq!(config.providers[0].api_key.as_ref().map(|key| key.expose()), Some("sk-ant-1"));
    assert_eq!(config.providers[1].kind, ProviderKind::OpenaiCompatible);

    let opus = &config.models[0];
    assert_eq!(
        (opus.upstream_name.as_str(), opus.maker.as_str()),
        ("claude-opus-4-7", "anthropic")
    );
    let price = opus.price.as_ref().unwrap().base;
    assert_eq!((price.input, price.output), (Decimal::from(15), Decimal::from(75)));
    assert_eq!((price.cache_read, price.cache_write), (Some(Decimal::new(15, 1)), None));
    assert_eq!(
        (opus.q_prior, opus.m_allowed, opus.supports_tools),
        (Some(Decimal::new(95, 2)), Some(true), true)
    );
    assert_eq!(opus.context_window, Some(200_000));
    let llama = &config.models[1];
    assert_eq!(
        (llama.upstream_name.as_str(), llama.maker.as_str()),
        ("meta-llama/Llama-4", "meta")
    );
    assert_eq!(
        (llama.price.clone(), llama.q_prior, llama.m_allowed, llama.supports_tools),
        (None, None, None, false)
    );
}

#[test]
fn no_secret_shows() {
    let shown = format!("{:?}", Config::from_toml(GOOD, &environment).unwrap());
    assert!(!shown.contains("sk-ant-1") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_mistake_is_reported_at_once_with_line_and_field() {
    let text = r#"listen = "localhost"
databse = "sqlite://a.db"
max_attempts = 0
workers = "two"
[deadlines]
connect = "0s"
idel = "3s"
[routing]
default_floor = 0.5
[[providers]]
id = "anthropic"
kind = "antropic"
base_url = "api.anthropic.com"
api_key = { env = "MISSING_KEY" }
[[providers]]
id = "anthropic"
kind = "openai"
api_key = "sk-inline"
[[providers]]
kind = "openai_compatible"
[[providers]]
id = "xai"
kind = "xai"
[[models]]
slug = "a"
provider = "antropic"
q_prior = "1.5"
price = { input = "3" }
[[models]]
slug = "a"
provider = "anthropic"
q_prior = 0.9
price = { input = "-1", output = 0, cache_read = 0.3 }
colour = "red"
[[models]]
slug = "ainfera-auto"
"#;
    assert_eq!(
        mistakes(text),
        [
            "line 1: listen: must be an IP address and a port such as \"127.0.0.1:8080\"",
            "line 2: databse: unknown key; did you mean \"database\"?",
            "line 3: max_attempts: must be from 1 to 20, not 0",
            "line 4: workers: must be a whole number, not a string",
            "line 6: deadlines.connect: must be longer than zero",
            "line 7: deadlines.idel: unknown key; did you mean \"idle\"?",
            "line 9: routing.default_floor: write it in quotes: \"0.5\"",
            "line 12: providers[0].kind: \"antropic\" is none of anthropic, openai, openai_responses, gemini, gemini_compatible, mistral, xai, \
             groq, together, deepseek, openrouter, openai_compatible, mock; did you mean \"anthropic\"?",
            "line 13: providers[0].base_url: must begin with http:// or https://",
            "line 14: providers[0].api_key.env: the environment variable MISSING_KEY is not set or empty",
            "line 16: providers[1].id: \"anthropic\" is the id of an earlier provider",
            "line 18: providers[1].api_key: must be { env = \"NAME\" } or { file = \"PATH\" }: secrets are not written here",
            "line 19: providers[2].id: is missing",
            "line 19: providers[2].base_url: is missing; give the provider's address",
            "line 21: providers[3].api_key: is missing; give { env = \"XAI_API_KEY\" }",
            "line 26: models[0].provider: there is no provider \"antropic\"; did you mean \"anthropic\"?",
            "line 27: models[0].q_prior: must be from 0 to 1, not 1.5",
            "line 28: models[0].price.output: is missing",
            "line 30: models[1].slug: \"a\" is the slug of an earlier model",
            "line 32: models[1].q_prior: write it in quotes: \"0.9\"",
            "line 33: models[1].price.input: must be above zero: leave the whole price out if it is not known",
            "line 33: models[1].price.output: must be above zero: leave the whole price out if it is not known",
            "line 33: models[1].price.cache_read: write it in quotes: \"0.3\"",
            "line 34: models[1].colour: unknown key",
            "line 35: models[2].provider: is missing; only a built-in model of a configured provider goes without",
            "line 36: models[2].slug: \"ainfera-auto\" is a routing name: a model of this name could not be pinned",
        ]
    );
}

#[test]
fn a_syntax_error_does_not_hide_the_other_mistakes() {
    let found = mistakes(
        "listen = \nmax_attempts = 0\n[[providers]]\nid = \"a\"\nkind = \"mock\"\n[[models]]\nslug = \"m\"\nprovider = \"b\n",
    );
    let lines: Vec<&str> = found.iter().filter_map(|mistake| mistake.split(':').next()).collect();
    assert_eq!(lines, ["line 1", "line 2", "line 8"], "{found:?}");
}

#[test]
fn the_limit_on_all_bodies_holds_at_least_one_body() {
    let text = "[limits]\nbody_bytes = 4096\nall_bodies_bytes = 2048\n";
    assert_eq!(
        mistakes(text),
        ["line 3: limits.all_bodies_bytes: must be at least body_bytes, which is 4096"]
    );
}

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
        assert!(
            (2..=5).contains(&config.models.len()),
            "{}: {}",
            vendor.key_variable,
            config.models.len()
        );
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
fn all_keys_together_make_no_slug_twice() {
    let everything = |name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned());
    let config = Config::from_environment(&everything).unwrap();
    assert_eq!(config.providers.len(), 8);
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
fn a_replica_on_a_shared_store_is_named_after_its_host_and_port() {
    let host = environment::host_name();
    let replica = |text: &str| Config::from_toml(text, &nothing_set).unwrap().replica;
    assert_eq!(replica("database = \"postgres://db/ainfera\"\n"), format!("{host}:8080"));
    assert_eq!(
        replica("listen = \"127.0.0.1:8081\"\ndatabase = \"postgres://db/ainfera\"\n"),
        format!("{host}:8081")
    );
    let free_port = replica("listen = \"127.0.0.1:0\"\ndatabase = \"postgres://db/ainfera\"\n");
    assert_eq!(free_port, format!("{host}:process-{}", std::process::id()));
    assert_eq!(replica("database = \"sqlite://a.db\"\n"), "main");
    assert_eq!(replica("replica = \"b\"\ndatabase = \"postgres://db/ainfera\"\n"), "b");
}

#[test]
fn the_command_line_goes_before_the_file() {
    let overrides = Overrides {
        listen: Some("127.0.0.1:7".parse().unwrap()),
        database: Some("postgres://other/a".parse().unwrap()),
        replica: None,
        take_over: TakeOver::Refused,
    };
    let config = Config::from_toml_with(
        "listen = \"0.0.0.0:1\"\ndatabase = \"sqlite://a.db\"\n",
        overrides,
        &nothing_set,
    )
    .unwrap();
    assert_eq!(
        (config.listen.to_string().as_str(), config.database.to_string().as_str()),
        ("127.0.0.1:7", "postgres://other/a")
    );
    // the name follows the database that is used, not the one in the file
    assert_eq!(config.replica, format!("{}:7", environment::host_name()));
    let overrides = Overrides { replica: Some("b".into()), ..Overrides::default() };
    assert_eq!(
        Config::from_toml_with("replica = \"a\"\n", overrides, &nothing_set).unwrap().replica,
        "b"
    );
}

#[test]
fn a_store_must_be_durable_unless_it_need_not() {
    let durability = |text: &str| Config::from_toml(text, &nothing_set).unwrap().durability;
    assert_eq!(durability(""), Durability::Required);
    assert_eq!(durability("[store]\nallow_unsafe_durability = false\n"), Durability::Required);
    assert_eq!(durability("[store]\nallow_unsafe_durability = true\n"), Durability::NotChecked);
    let short = mistakes("[deadlines]\nheartbeat = \"2s\"\nlease = \"3s\"\n");
    assert_eq!(
        short,
        [
            "line 3: deadlines.lease: must be at least two heartbeats, or a replica that is only slow is given up"
        ]
    );
}

#[test]
fn the_database_may_be_a_secret() {
    let environment =
        |name: &str| (name == "DATABASE_URL").then(|| "postgres://me:word@db/ainfera".to_owned());
    let config =
        Config::from_toml("database = { env = \"DATABASE_URL\" }\n", &environment).unwrap();
    assert_eq!(config.database.to_string(), "postgres://db/ainfera");
    assert_eq!(
        mistakes("database = \"mysql://db\"\n"),
        ["line 1: database: must begin with sqlite:// or postgres://"]
    );
}

#[test]
fn the_dial_is_live_when_the_environment_or_the_file_says_so() {
    let live = |name: &str| (name == "AINFERA_ROUTING_PREFERENCE_LIVE").then(|| "1".to_owned());
    assert!(Config::from_environment(&live).unwrap().routing.preference_live);
    assert!(
        !Config::from_toml("[routing]\npreference_live = false\n", &live)
            .unwrap()
            .routing
            .preference_live
    );
    assert!(!Config::from_environment(&nothing_set).unwrap().routing.preference_live);
}

#[test]
fn the_example_is_valid() {
    let text = include_str!("../../ainfera.example.toml");
    let config =
        Config::from_toml(text, &|name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned()));
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn who_cannot_stream_is_a_setting_of_providers_and_of_models() {
    let text = "[[providers]]\nid = \"a\"\nkind = \"openai_compatible\"\nbase_url = \"http://a\"\nstreams = false\n\
        [[providers]]\nid = \"b\"\nkind = \"openai_compatible\"\nbase_url = \"http://b\"\n\
        [[models]]\nslug = \"m\"\nprovider = \"b\"\nstreams = false\n[[models]]\nslug = \"n\"\nprovider = \"b\"\nstreams = true\n\
        [deadlines]\nwhole_answer = \"90s\"\n";
    let config = Config::from_toml(text, &|_| None).unwrap();
    let modes: Vec<&str> =
        config.providers.iter().map(|provider| provider.stream_mode.as_str()).collect();
    assert_eq!(modes, ["wrapped", "native"]);
    let modes: Vec<&str> = config.models.iter().map(|model| model.stream_mode.as_str()).collect();
    assert_eq!(modes, ["wrapped", "native"]);
    assert_eq!(config.deadlines.answering.whole_answer, Duration::from_secs(90));
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
fn balancers_get_time_before_a_stop_only_beyond_loopback_unless_the_file_says_otherwise() {
    let drain_least =
        |text: &str| Config::from_toml(text, &nothing_set).unwrap().deadlines.drain_least;
    assert_eq!(drain_least(""), Duration::ZERO);
    assert_eq!(drain_least("listen = \"[::1]:1\"\n"), Duration::ZERO);
    assert_eq!(
        drain_least("listen = \"0.0.0.0:1\"\n[deadlines]\nidle = \"1s\"\n"),
        Duration::from_secs(5)
    );
    assert_eq!(
        drain_least("listen = \"0.0.0.0:1\"\n[deadlines]\ndrain_least = 0\n"),
        Duration::ZERO
    );
    assert_eq!(drain_least("[deadlines]\ndrain_least = \"7s\"\n"), Duration::from_secs(7));
}

#[test]
fn idle_connections_stay_open_longer_than_common_balancers_keep_them() {
    assert_eq!(Config::from_toml("", &nothing_set).unwrap().keep_alive, Duration::from_secs(620));
    assert_eq!(
        Config::from_toml("keep_alive = \"20s\"\n", &nothing_set).unwrap().keep_alive,
        Duration::from_secs(20)
    );
    let mistakes =
        Config::from_toml("\nkeep_alive = \"soon\"\n[deadlines]\ndrain_least = -1\n", &nothing_set)
            .unwrap_err();
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    assert!(mistakes[0].starts_with("line 2: keep_alive: must be"), "{mistakes:?}");
    assert!(
        mistakes[1].starts_with("line 4: deadlines.drain_least: must have a unit"),
        "{mistakes:?}"
    );
}

#[test]
fn the_share_of_one_key_follows_what_all_may_take_and_holds_one_body() {
    let limits =
        |text: &str| Config::from_toml(&format!("[limits]\n{text}"), &nothing_set).unwrap().limits;
    assert_eq!(limits(""), Limits::default());
    assert_eq!(limits("all_bodies_bytes = 1073741824\n").bodies_per_key_bytes, 256 << 20);
    assert_eq!(limits("all_bodies_bytes = 33554432\n").bodies_per_key_bytes, 32 << 20);
    let set =
        limits("bodies_per_key_bytes = 40000000\nbody_bytes_per_second = 1\nreads_per_key = 9\n");
    assert_eq!(
        (set.bodies_per_key_bytes, set.body_bytes_per_second, set.reads_per_key),
        (40_000_000, 1, 9)
    );
    let mistaken =
        "[limits]\nbodies_per_key_bytes = 2000\nbody_bytes_per_second = 0\nreads_per_key = 0\n";
    let mistakes: Vec<String> = Config::from_toml(mistaken, &nothing_set)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(
        mistakes[0].starts_with("line 2: limits.bodies_per_key_bytes: must be at least body_bytes"),
        "{mistakes:?}"
    );
    assert!(
        mistakes[1].starts_with("line 3: limits.body_bytes_per_second: must be from 1 to"),
        "{mistakes:?}"
    );
    assert!(
        mistakes[2].starts_with("line 4: limits.reads_per_key: must be from 1 to 1000"),
        "{mistakes:?}"
    );
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
        assert_eq!(Model { price: before.price.clone(), ..after }, before, "all else stays");
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

#[test]
fn a_price_per_token_is_refused_with_the_price_per_million() {
    let text = "[[providers]]\nid = \"p\"\nkind = \"mock\"\n[[models]]\nslug = \"m\"\nprovider = \"p\"\nprice = { input = \"0.000003\", output = \"15\" }\n";
    let expected = "line 7: models[0].price.input: is a price per token: write US dollars per million tokens, \"3\"";
    assert_eq!(mistakes(text), [expected]);
}
