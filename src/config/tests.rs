mod builtin;
mod defaults;

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
fn every_key_of_a_good_file_is_read() {
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
fn the_debug_form_of_a_configuration_shows_no_secret() {
    let shown = format!("{:?}", Config::from_toml(GOOD, &environment).unwrap());
    assert!(!shown.contains("sk-ant-1") && !shown.contains("hunter2"), "{shown}");
}

/// A file with a mistake in almost every line.
const FULL_OF_MISTAKES: &str = r#"listen = "localhost"
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

#[test]
fn every_mistake_is_reported_at_once_with_line_and_field() {
    assert_eq!(
        mistakes(FULL_OF_MISTAKES),
        [
            "line 1: listen: must be an IP address and a port such as \"127.0.0.1:8080\"",
            "line 2: databse: unknown key; did you mean \"database\"?",
            "line 3: max_attempts: must be from 1 to 20, not 0",
            "line 4: workers: must be a whole number, not a string",
            "line 6: deadlines.connect: must be longer than zero",
            "line 7: deadlines.idel: unknown key; did you mean \"idle\"?",
            "line 9: routing.default_floor: write it in quotes: \"0.5\"",
            "line 12: providers[0].kind: \"antropic\" is none of anthropic, openai, openai_responses, gemini, gemini_compatible, mistral, xai, \
             groq, together, deepseek, openrouter, azure, zai, moonshot, cerebras, fireworks, minimax, alibaba, openai_compatible, mock; did you mean \"anthropic\"?",
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
fn the_limit_on_all_bodies_has_room_for_at_least_one_body() {
    let text = "[limits]\nbody_bytes = 4096\nall_bodies_bytes = 2048\n";
    assert_eq!(
        mistakes(text),
        ["line 3: limits.all_bodies_bytes: must be at least body_bytes, which is 4096"]
    );
}

#[test]
fn the_example_is_valid() {
    let text = include_str!("../../ainfera.example.toml");
    let config =
        Config::from_toml(text, &|name: &str| name.ends_with("_API_KEY").then(|| "k".to_owned()));
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn a_price_per_token_is_refused_with_the_price_per_million() {
    let text = "[[providers]]\nid = \"p\"\nkind = \"mock\"\n[[models]]\nslug = \"m\"\nprovider = \"p\"\nprice = { input = \"0.000003\", output = \"15\" }\n";
    let expected = "line 7: models[0].price.input: is a price per token: write US dollars per million tokens, \"3\"";
    assert_eq!(mistakes(text), [expected]);
}
