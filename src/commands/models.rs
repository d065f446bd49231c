//! `ainfera models`: what a gateway of this configuration can route to and what can be pinned
//! there, from the configuration alone.

use std::io::Write;
use std::process::ExitCode;

use ainfera_routing::PolicySettings;
use ainfera_schema::{Model, Provider, ProviderId, ProviderKind, Sampling, Taken};
use ainfera_wire::model_table::{ChatCompletions, ForcedTools, ModelAbilities};
use serde_json::{Value, json};

use super::CommandError;
use crate::cli::ModelsArgs;
use crate::config::{Config, Overrides, load, process_environment};
use crate::model_status::{cleared_floors, status};

/// Whether a provider can be asked, as far as its key goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Present,
    Missing,
    /// The provider may ask for none.
    NotConfigured,
}

impl Key {
    fn of(provider: Option<&Provider>) -> Self {
        match provider {
            Some(provider) if provider.api_key.is_some() => Key::Present,
            Some(provider)
                if matches!(provider.kind, ProviderKind::Mock | ProviderKind::OpenaiCompatible) =>
            {
                Key::NotConfigured
            }
            Some(_) | None => Key::Missing,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Key::Present => "present",
            Key::Missing => "missing",
            Key::NotConfigured => "not_configured",
        }
    }
}

pub fn run(args: &ModelsArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let config = load(args.config.as_deref(), Overrides::default(), &process_environment)?;
    let listed: Vec<Value> = config.models.iter().map(|model| described(&config, model)).collect();
    if args.json {
        writeln!(output, "{}", Value::Array(listed)).map_err(CommandError::Output)?;
        return Ok(ExitCode::SUCCESS);
    }
    for model in &listed {
        writeln!(output, "{}", line(model)).map_err(CommandError::Output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn described(config: &Config, model: &Model) -> Value {
    let settings =
        PolicySettings { default_floor: config.routing.default_floor, ..PolicySettings::default() };
    let provider = |id: &ProviderId| {
        let known = config.providers.iter().find(|provider| provider.id == *id);
        json!({"id": id, "key": Key::of(known).as_str()})
    };
    let providers: Vec<Value> = match config.deployments.get(&model.slug) {
        Some(deployed) => {
            deployed.iter().map(|deployed| provider(&deployed.model.provider)).collect()
        }
        None => vec![provider(&model.provider)],
    };
    let price = model.price.as_ref().map(|sheet| &sheet.base);
    json!({
        "slug": model.slug, "vendor": model.maker, "providers": providers, "routable_status": status(model),
        "input_cost_per_million_usd": price.map(|price| price.input), "output_cost_per_million_usd": price.map(|price| price.output),
        "cache_read_cost_per_million_usd": price.and_then(|price| price.cache_read),
        "cache_write_cost_per_million_usd": price.and_then(|price| price.cache_write),
        "as_of": model.as_of, "takes": takes(config, model),
        "context_window": model.context_window, "max_output_tokens": model.max_output_tokens,
        "capabilities": if model.supports_tools { json!(["tools"]) } else { json!([]) },
        "quality": model.q_prior, "quality_floors": cleared_floors(model, &settings),
    })
}

/// What the model takes of a request, by the table or by its operator.
fn takes(config: &Config, model: &Model) -> Value {
    let provider = config.providers.iter().find(|provider| provider.id == model.provider);
    let kind = provider.map_or(ProviderKind::OpenaiCompatible, |provider| provider.kind);
    let abilities = ModelAbilities::of(kind, model);
    let sampling = match abilities.sampling() {
        Sampling::All => "all",
        Sampling::OneOfTwo => "one_of_two",
        Sampling::None => "none",
    };
    let forced_tools = match abilities.forced_tools() {
        ForcedTools::Taken => "yes",
        ForcedTools::NotWhileThinking => "not_while_thinking",
        ForcedTools::Refused => "no",
    };
    let tools_over = match abilities.chat_completions() {
        ChatCompletions::Taken => "either",
        ChatCompletions::WithoutTools | ChatCompletions::Refused => "responses",
    };
    let known = abilities.is_known.then_some(abilities.row);
    json!({
        "sampling": sampling, "efforts": known.map(|_| abilities.efforts()),
        "default_effort": known.and_then(|row| row.default_effort),
        "forced_tools": forced_tools, "prefill": abilities.prefill() == Taken::Yes,
        "images": abilities.images() == Taken::Yes, "tools_over": tools_over,
        "source": known.map(|row| row.source), "read_on": known.map(|row| row.read_on),
    })
}

/// One model for people.
fn line(model: &Value) -> String {
    let text = |name: &str| model[name].as_str().unwrap_or_default().to_owned();
    let or_dash = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list =
        |values: Vec<String>| if values.is_empty() { "-".to_owned() } else { values.join(",") };
    let each = |name: &str| model[name].as_array().cloned().unwrap_or_default();
    let provider = |provider: &Value| {
        format!("{} (key {})", or_dash(&provider["id"]), or_dash(&provider["key"]))
    };
    let providers = each("providers").iter().map(provider).collect();
    let floors = each("quality_floors").iter().map(or_dash).collect();
    let words = model["takes"]["efforts"].as_array().cloned().unwrap_or_default();
    let efforts = words.iter().map(or_dash).collect();
    format!(
        "{}  {}  vendor {}  at {}  ${} in, ${} out per million tokens  as of {}  window {}  quality {}  efforts {}  floors {}",
        text("slug"),
        text("routable_status"),
        text("vendor"),
        list(providers),
        or_dash(&model["input_cost_per_million_usd"]),
        or_dash(&model["output_cost_per_million_usd"]),
        or_dash(&model["as_of"]),
        or_dash(&model["context_window"]),
        or_dash(&model["quality"]),
        list(efforts),
        list(floors),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<Value> {
        let config =
            Config::from_toml(text, &|name| (name == "KEY").then(|| "k".to_owned())).unwrap();
        config.models.iter().map(|model| described(&config, model)).collect()
    }

    #[test]
    fn a_model_is_told_with_its_providers_their_keys_and_the_floors_that_it_clears() {
        let models = listed(
            "[[providers]]\nid = \"a\"\nkind = \"anthropic\"\napi_key = { env = \"KEY\" }\n[[providers]]\nid = \"own\"\nkind = \"openai_compatible\"\n\
             base_url = \"http://localhost:1\"\n[[models]]\nslug = \"best\"\nprovider = \"a\"\nq_prior = \"0.7\"\nm_allowed = true\n\
             context_window = 1000\nprice = { input = \"2\", output = \"6\" }\n[[models]]\nslug = \"unpriced\"\nprovider = \"own\"\n",
        );
        assert_eq!(models[0]["quality_floors"], json!(["default", "good", "production"]));
        assert_eq!(models[0]["providers"], json!([{"id": "a", "key": "present"}]));
        assert_eq!(
            (&models[0]["routable_status"], &models[0]["input_cost_per_million_usd"]),
            (&json!("routable"), &json!("2"))
        );
        assert_eq!(
            (&models[1]["routable_status"], &models[1]["quality_floors"]),
            (&json!("unpriced"), &json!([]))
        );
        assert_eq!(models[1]["providers"], json!([{"id": "own", "key": "not_configured"}]));
        let told = line(&models[0]);
        assert!(
            told.starts_with("best  routable  vendor a  at a (key present)  $2 in, $6 out"),
            "{told}"
        );
        assert!(
            told.ends_with(
                "as of -  window 1000  quality 0.7  efforts -  floors default,good,production"
            ),
            "{told}"
        );
    }
}
