//! `ainfera check FILE`: is this file a configuration? The mistakes, if any, are the command's
//! error, one a line. With `--probe` every provider is asked for its list of models besides.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use ainfera_actors::provider::probe::{ProbeFailure, list_models, lists};
use ainfera_actors::provider::transport::pools::ProviderPools;
use ainfera_actors::provider::transport::trust::TlsSettings;
use ainfera_schema::Provider;
use futures_util::future::join_all;

use super::CommandError;
use crate::cli::CheckArgs;
use crate::config::{Config, Overrides, load, process_environment};

pub fn run(args: &CheckArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let config = load(args.file.as_deref(), Overrides::default(), &process_environment)?;
    let routable = config.models.iter().filter(|model| {
        model.q_prior.is_some() && model.price.is_some() && model.m_allowed == Some(true)
    });
    let name = args
        .file
        .as_ref()
        .map_or_else(|| "the environment".to_owned(), |file| file.display().to_string());
    writeln!(
        output,
        "{name}: valid; {} providers, {} models, {} of them routable",
        config.providers.len(),
        config.models.len(),
        routable.count()
    )
    .map_err(CommandError::Output)?;
    if args.probe { probe(&config, output) } else { Ok(ExitCode::SUCCESS) }
}

/// Asks all providers at once and tells in the order of the file. A provider that does not answer
/// as it should makes the command fail; a model that is not in its list is a warning, for some
/// vendors do not list everything that they serve.
fn probe(config: &Config, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    // The scripted provider without an address lives inside the gateway.
    let providers: Vec<&Provider> =
        config.providers.iter().filter(|provider| !provider.base_url.is_empty()).collect();
    let answers = actix_rt::System::new().block_on(async {
        let pools = ProviderPools::new(Arc::new(TlsSettings::default()), config.deadlines.connect);
        join_all(providers.iter().map(|provider| list_models(provider, &pools))).await
    });
    let mut code = ExitCode::SUCCESS;
    for (provider, answer) in providers.iter().zip(answers) {
        if answer.is_err() {
            code = ExitCode::FAILURE;
        }
        for line in report(config, provider, &answer) {
            writeln!(output, "{line}").map_err(CommandError::Output)?;
        }
    }
    Ok(code)
}

fn report(
    config: &Config,
    provider: &Provider,
    answer: &Result<Vec<String>, ProbeFailure>,
) -> Vec<String> {
    let id = &provider.id;
    let names = match answer {
        Ok(names) => names,
        Err(failure) => return vec![format!("{id}: failed: {failure}")],
    };
    let mut lines = vec![format!("{id}: reached; it lists {} models", names.len())];
    let own = config.models.iter().filter(|model| model.provider == *id);
    let unlisted = own.filter(|model| !lists(names, &model.upstream_name));
    lines.extend(unlisted.map(|model| {
        format!(
            "{id}: warning: it does not list {}, which is {} here",
            model.upstream_name, model.slug
        )
    }));
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut output = Vec::new();
        let shorten = |text: &str| text.replace(&file.path().display().to_string(), "FILE");
        let args = CheckArgs { probe: false, file: Some(file.path().to_owned()) };
        run(&args, &mut output)
            .map(|_| shorten(&String::from_utf8(output).unwrap()))
            .map_err(|error| shorten(&error.to_string()))
    }

    #[test]
    fn a_valid_file_is_summed_up() {
        let text = "[[providers]]\nid = \"m\"\nkind = \"mock\"\n[[models]]\nslug = \"a\"\nprovider = \"m\"\n";
        assert_eq!(
            check(text),
            Ok("FILE: valid; 1 providers, 1 models, 0 of them routable\n".into())
        );
    }

    #[test]
    fn each_mistake_is_one_line_that_begins_with_the_file() {
        let refusal = check("max_attempts = 0\nworkers = 0\n").unwrap_err();
        assert_eq!(
            refusal,
            "FILE: line 1: max_attempts: must be from 1 to 20, not 0\nFILE: line 2: workers: must be from 1 to 1024, not 0"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let args = CheckArgs { probe: false, file: Some(PathBuf::from("/nowhere/ainfera.toml")) };
        let refusal = run(&args, &mut Vec::new()).unwrap_err().to_string();
        assert!(refusal.starts_with("/nowhere/ainfera.toml: "), "{refusal}");
    }

    #[test]
    fn a_model_that_is_not_listed_is_a_warning() {
        let text = "[[providers]]\nid = \"m\"\nkind = \"mock\"\n[[models]]\nslug = \"a\"\nprovider = \"m\"\nupstream_name = \"up\"\n";
        let config = Config::from_toml(text, &|_| None).unwrap();
        let of = |names: &[&str]| {
            report(
                &config,
                &config.providers[0],
                &Ok(names.iter().map(|name| (*name).to_owned()).collect()),
            )
        };
        assert_eq!(of(&["up"]), ["m: reached; it lists 1 models"]);
        assert_eq!(
            of(&[]),
            ["m: reached; it lists 0 models", "m: warning: it does not list up, which is a here"]
        );
        assert_eq!(
            report(&config, &config.providers[0], &Err(ProbeFailure::TimedOut)),
            ["m: failed: no answer within 20 s"]
        );
    }
}
