//! `ainfera launch`: a coding agent, started with the environment in which it speaks to this
//! gateway alone.

mod gateway;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use super::CommandError;
use crate::cli::{LaunchArgs, LaunchCommand};
use crate::config::environment::non_empty;
use crate::config::process_environment;
use gateway::Gateway;

/// The variable in which the gateway's key is looked for, and in which Codex finds it.
const KEY_VARIABLE: &str = "AINFERA_KEY";

/// How a program is to be started.
#[derive(Debug, PartialEq, Eq)]
struct Launch {
    program: PathBuf,
    arguments: Vec<String>,
    set: Vec<(&'static str, String)>,
    /// What would lead it elsewhere.
    unset: Vec<&'static str>,
}

pub fn run(command: LaunchCommand) -> Result<ExitCode, CommandError> {
    let (args, hint) = match &command {
        LaunchCommand::Claude(args) => (args, "install Claude Code, or name it with --program"),
        LaunchCommand::Codex(args) => (args, "install Codex, or name it with --program"),
    };
    let name = if let LaunchCommand::Claude(_) = &command { "claude" } else { "codex" };
    let gateway = Gateway::find(args)?;
    let key = match args.key.clone().or_else(|| non_empty(&process_environment, KEY_VARIABLE)) {
        Some(key) => key,
        None => gateway.key_of(args.agent.as_deref().unwrap_or(name))?,
    };
    let launch = match &command {
        LaunchCommand::Claude(args) => claude(args, &gateway.url, key),
        LaunchCommand::Codex(args) => codex(args, &gateway.url, key),
    };
    let mut program = Command::new(&launch.program);
    program.args(&launch.arguments).envs(launch.set);
    for variable in launch.unset {
        program.env_remove(variable);
    }
    let failed = |source| CommandError::Launch {
        program: launch.program.display().to_string(),
        source,
        hint,
    };
    let status = program.status().map_err(failed)?;
    // A process that a signal ended has no exit code.
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Claude Code takes its gateway from variables. Small and large tasks go to the same name: which
/// model that is, the router decides.
fn claude(args: &LaunchArgs, url: &str, key: String) -> Launch {
    let model = || args.model.clone();
    Launch {
        program: args.program.clone().unwrap_or_else(|| "claude".into()),
        arguments: args.arguments.clone(),
        set: vec![
            ("ANTHROPIC_BASE_URL", url.to_owned()),
            ("ANTHROPIC_AUTH_TOKEN", key),
            ("ANTHROPIC_MODEL", model()),
            ("ANTHROPIC_DEFAULT_OPUS_MODEL", model()),
            ("ANTHROPIC_DEFAULT_SONNET_MODEL", model()),
            ("ANTHROPIC_DEFAULT_HAIKU_MODEL", model()),
        ],
        // With both variables Claude Code would ask which key to use.
        unset: vec!["ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"],
    }
}

/// Codex takes its provider from its configuration; given as arguments, the caller's own file stays
/// as it is.
fn codex(args: &LaunchArgs, url: &str, key: String) -> Launch {
    let base_url = format!("{}/v1", url);
    let settings = [
        ("model_provider", "ainfera"),
        ("model", args.model.as_str()),
        ("model_providers.ainfera.name", "ainfera"),
        ("model_providers.ainfera.base_url", base_url.as_str()),
        ("model_providers.ainfera.env_key", KEY_VARIABLE),
        ("model_providers.ainfera.wire_api", "responses"),
    ];
    let settings =
        settings.iter().flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value:?}")]);
    Launch {
        program: args.program.clone().unwrap_or_else(|| "codex".into()),
        arguments: settings.chain(args.arguments.iter().cloned()).collect(),
        set: vec![(KEY_VARIABLE, key)],
        unset: vec!["OPENAI_BASE_URL"],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::DatabaseArgs;

    fn args() -> LaunchArgs {
        LaunchArgs {
            url: None,
            key: None,
            agent: None,
            model: "ainfera-inference".to_owned(),
            program: None,
            database: DatabaseArgs { config: None, database: None },
            arguments: vec!["-p".to_owned(), "hi".to_owned()],
        }
    }

    #[test]
    fn claude_is_pointed_at_the_gateway_alone() {
        let launch = claude(&args(), "http://127.0.0.1:8080", "the-key".to_owned());
        let set = |name: &str| {
            launch.set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(set("ANTHROPIC_BASE_URL"), Some("http://127.0.0.1:8080"));
        assert_eq!(set("ANTHROPIC_AUTH_TOKEN"), Some("the-key"));
        assert_eq!(set("ANTHROPIC_DEFAULT_HAIKU_MODEL"), Some("ainfera-inference"));
        assert!(launch.unset.contains(&"ANTHROPIC_API_KEY"));
        assert_eq!((launch.program, launch.arguments), (PathBuf::from("claude"), args().arguments));
    }

    #[test]
    fn codex_gets_its_provider_as_arguments_and_the_key_in_a_variable() {
        let launch = codex(&args(), "http://127.0.0.1:8080", "the-key".to_owned());
        assert_eq!(launch.set, [("AINFERA_KEY", "the-key".to_owned())]);
        assert!(launch.arguments.contains(
            &r#"model_providers.ainfera.base_url="http://127.0.0.1:8080/v1""#.to_owned()
        ));
        assert!(
            launch
                .arguments
                .contains(&r#"model_providers.ainfera.wire_api="responses""#.to_owned())
        );
        assert!(
            !launch.arguments.iter().any(|argument| argument.contains("the-key")),
            "arguments can be seen by everybody"
        );
        assert_eq!(launch.arguments[launch.arguments.len() - 2..], ["-p", "hi"]);
    }
}
