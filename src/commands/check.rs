//! `ainfera check FILE`: is this file a configuration? The mistakes, if any, are the command's error, one a line.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::CommandError;
use crate::config::{Overrides, load, process_environment};

pub fn run(file: &Path, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let config = load(Some(file), Overrides::default(), &process_environment)?;
    let routable = config.models.iter().filter(|model| model.q_prior.is_some() && model.price.is_some() && model.m_allowed == Some(true));
    writeln!(
        output,
        "{}: valid; {} providers, {} models, {} of them routable",
        file.display(),
        config.providers.len(),
        config.models.len(),
        routable.count()
    )
    .map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut output = Vec::new();
        let shorten = |text: &str| text.replace(&file.path().display().to_string(), "FILE");
        run(file.path(), &mut output).map(|_| shorten(&String::from_utf8(output).unwrap())).map_err(|error| shorten(&error.to_string()))
    }

    #[test]
    fn a_valid_file_is_summed_up() {
        let text = "[[providers]]\nid = \"m\"\nkind = \"mock\"\n[[models]]\nslug = \"a\"\nprovider = \"m\"\n";
        assert_eq!(check(text), Ok("FILE: valid; 1 providers, 1 models, 0 of them routable\n".into()));
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
        let refusal = run(Path::new("/nowhere/ainfera.toml"), &mut Vec::new()).unwrap_err().to_string();
        assert!(refusal.starts_with("/nowhere/ainfera.toml: "), "{refusal}");
    }
}
