//! `ainfera decide`: one case a line in, one decision a line out. It stops at the first line that
//! is not a case, and says which it was.

use std::io::{BufRead, BufWriter, Write};
use std::process::ExitCode;

use super::CommandError;

pub fn run(input: impl BufRead, output: impl Write) -> Result<ExitCode, CommandError> {
    let mut output = BufWriter::new(output);
    let decided = decide_lines(input, &mut output);
    // Decisions of earlier lines are written even when a later line is wrong.
    output.flush().map_err(CommandError::Output)?;
    decided.map(|()| ExitCode::SUCCESS)
}

fn decide_lines(input: impl BufRead, output: &mut impl Write) -> Result<(), CommandError> {
    for (index, line) in input.lines().enumerate() {
        let line = line.map_err(CommandError::Input)?;
        if line.trim().is_empty() {
            continue;
        }
        let decision = ainfera_routing::decide_line(&line)
            .map_err(|source| CommandError::Case { line: index + 1, source })?;
        writeln!(output, "{decision}").map_err(CommandError::Output)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::DECIDE_EXAMPLE;

    #[test]
    fn the_example_of_the_help_runs() {
        let case = DECIDE_EXAMPLE.split('\'').nth(1).unwrap();
        let mut output = Vec::new();
        decide_lines(case.as_bytes(), &mut output).unwrap();
        let decision: serde_json::Value = serde_json::from_slice(&output).unwrap();
        assert!(decision.to_string().contains("\"b\""), "{decision}");
    }

    const CASE: &str = r#"{"request":{"estimated_input_tokens":1,"reserved_max_tokens":1},"policy":{"min_quality":"0.5"},"candidates":[]}"#;

    #[test]
    fn every_case_has_its_line() {
        let mut output = Vec::new();
        run(format!("{CASE}\n\n{CASE}\n").as_bytes(), &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.starts_with('{')), "{text}");
    }

    #[test]
    fn a_mistake_names_its_line_and_keeps_what_came_before() {
        let mut output = Vec::new();
        let refusal = run(format!("{CASE}\n{{\"request\":1}}\n{CASE}\n").as_bytes(), &mut output)
            .unwrap_err();
        assert!(refusal.to_string().starts_with("line 2: "), "{refusal}");
        assert_eq!(String::from_utf8(output).unwrap().lines().count(), 1);
    }
}
