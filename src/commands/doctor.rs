//! `ainfera doctor`: asks the database what must always hold. Exit code 0 when all of it does.

use std::io::{Write, stdout};
use std::process::ExitCode;

use ainfera_store::Invariant;
use serde::Serialize;

use super::CommandError;
use super::database::{database_url, open_store};
use crate::cli::DoctorArgs;

/// What was found, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Findings {
    pub database: String,
    pub healthy: bool,
    pub invariants: Vec<Invariant>,
}

pub fn run(args: &DoctorArgs) -> Result<ExitCode, CommandError> {
    let url = database_url(&args.database)?;
    let invariants = actix_rt::System::new().block_on(async { open_store(&url).await?.invariants().await })?;
    let findings = Findings::new(url.to_string(), invariants);
    let written = if args.json { findings.write_json(&mut stdout()) } else { findings.write_text(&mut stdout()) };
    written.map_err(CommandError::Output)?;
    Ok(if findings.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Findings {
    /// A database about which nothing was asked is not healthy.
    pub fn new(database: String, invariants: Vec<Invariant>) -> Self {
        let healthy = !invariants.is_empty() && invariants.iter().all(|invariant| invariant.holds);
        Self { database, healthy, invariants }
    }

    fn write_json(&self, output: &mut impl Write) -> std::io::Result<()> {
        serde_json::to_writer(&mut *output, self)?;
        writeln!(output)
    }

    fn write_text(&self, output: &mut impl Write) -> std::io::Result<()> {
        for invariant in &self.invariants {
            let mark = if invariant.holds { "ok    " } else { "BROKEN" };
            writeln!(output, "{mark}  {}: {}", invariant.name, invariant.detail)?;
        }
        writeln!(output, "{}: {}", self.database, if self.healthy { "all invariants hold" } else { "not all invariants hold" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(holds: [bool; 2]) -> Findings {
        let invariant = |name, holds| Invariant { name, holds, detail: "detail".into() };
        Findings::new("sqlite://a.db".into(), vec![invariant("first", holds[0]), invariant("second", holds[1])])
    }

    #[test]
    fn one_broken_invariant_makes_it_unhealthy() {
        assert!(findings([true, true]).healthy);
        assert!(!findings([true, false]).healthy);
        assert!(!Findings::new("sqlite://a.db".into(), Vec::new()).healthy);
    }

    #[test]
    fn both_forms_name_what_is_broken() {
        let mut text = Vec::new();
        findings([true, false]).write_text(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, "ok      first: detail\nBROKEN  second: detail\nsqlite://a.db: not all invariants hold\n");
        let mut json = Vec::new();
        findings([true, false]).write_json(&mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["healthy"], false);
        assert_eq!(json["invariants"][1]["name"], "second");
        assert_eq!(json["invariants"][1]["holds"], false);
    }
}
