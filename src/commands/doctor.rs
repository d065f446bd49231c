//! `ainfera doctor`: asks the database what must always hold. Exit code 0 when all of it does, 1
//! when it cannot be asked, and from 20 on one for each class of what is broken, of several the
//! lowest.

use std::io::{Write, stdout};
use std::process::ExitCode;

use ainfera_schema::Deadlines;
use ainfera_store::invariants::InvariantClass;
use ainfera_store::{Invariant, QuarantineScope, QuarantinedRecord};
use serde::Serialize;

use super::CommandError;
use super::database::{Missing, database_url, open_store};
use super::quarantine::{LISTED, line};
use crate::cli::DoctorArgs;
use crate::config::{Overrides, load, process_environment};
use crate::server::longest_call;

/// What was found, as `--json` prints it.
#[derive(Debug, Serialize)]
pub struct Findings {
    pub database: String,
    pub healthy: bool,
    pub exit_code: u8,
    pub invariants: Vec<Invariant>,
    /// The records that wait in quarantine.
    pub quarantine: Vec<QuarantinedRecord>,
}

pub fn run(args: &DoctorArgs) -> Result<ExitCode, CommandError> {
    let url = database_url(&args.database)?;
    let longest_call = match &args.database.config {
        Some(path) => {
            let config = load(Some(path), Overrides::default(), &process_environment)?;
            longest_call(&config.deadlines, config.own_deadlines())
        }
        None => longest_call(&Deadlines::default(), []),
    };
    let (invariants, quarantine) = actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        let invariants = store.invariants_within(longest_call).await?;
        let waiting = store.quarantined(QuarantineScope::Waiting, LISTED).await?;
        Ok::<_, CommandError>((invariants, waiting))
    })?;
    let findings = Findings { quarantine, ..Findings::new(url.to_string(), invariants) };
    let written = if args.json {
        findings.write_json(&mut stdout())
    } else {
        findings.write_text(&mut stdout())
    };
    written.map_err(CommandError::Output)?;
    Ok(ExitCode::from(findings.exit_code))
}

/// Scripts rely on these: docs/operations.md has them.
fn exit_code(class: InvariantClass) -> u8 {
    match class {
        InvariantClass::Ledger => 20,
        InvariantClass::Holds => 21,
        InvariantClass::Outcomes => 22,
        InvariantClass::Bills => 23,
        InvariantClass::Audit => 24,
        InvariantClass::Intents => 25,
        InvariantClass::Idempotency => 26,
        InvariantClass::Other => 27,
        InvariantClass::Quarantine => 28,
    }
}

impl Findings {
    /// A database about which nothing was asked is not healthy.
    pub fn new(database: String, invariants: Vec<Invariant>) -> Self {
        let broken = invariants
            .iter()
            .filter(|invariant| !invariant.holds)
            .map(|invariant| exit_code(invariant.class))
            .min();
        let exit_code = broken.unwrap_or(u8::from(invariants.is_empty()));
        Self { database, healthy: exit_code == 0, exit_code, invariants, quarantine: Vec::new() }
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
        for record in &self.quarantine {
            writeln!(output, "in quarantine: {}", line(record))?;
        }
        writeln!(
            output,
            "{}: {}",
            self.database,
            if self.healthy { "all invariants hold" } else { "not all invariants hold" }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(holds: [bool; 2]) -> Findings {
        let invariant = |name, holds| Invariant {
            name,
            class: InvariantClass::Audit,
            holds,
            broken: i64::from(!holds),
            detail: "detail".into(),
        };
        Findings::new(
            "sqlite://a.db".into(),
            vec![invariant("first", holds[0]), invariant("second", holds[1])],
        )
    }

    #[test]
    fn one_broken_invariant_makes_it_unhealthy() {
        assert!(findings([true, true]).healthy);
        assert!(!findings([true, false]).healthy);
        assert!(!Findings::new("sqlite://a.db".into(), Vec::new()).healthy);
    }

    #[test]
    fn the_exit_code_is_that_of_the_first_class_that_is_broken() {
        let broken = |class| Invariant {
            name: "one",
            class,
            holds: false,
            broken: 2,
            detail: String::new(),
        };
        let classes = [
            (InvariantClass::Ledger, 20),
            (InvariantClass::Holds, 21),
            (InvariantClass::Outcomes, 22),
            (InvariantClass::Bills, 23),
            (InvariantClass::Audit, 24),
            (InvariantClass::Intents, 25),
            (InvariantClass::Idempotency, 26),
            (InvariantClass::Other, 27),
            (InvariantClass::Quarantine, 28),
        ];
        for (place, (class, code)) in classes.into_iter().enumerate() {
            let and_all_after =
                classes[place..].iter().rev().map(|(class, _)| broken(*class)).collect();
            assert_eq!(Findings::new(String::new(), vec![broken(class)]).exit_code, code);
            assert_eq!(Findings::new(String::new(), and_all_after).exit_code, code);
        }
        assert_eq!(findings([true, true]).exit_code, 0);
        assert_eq!(Findings::new(String::new(), Vec::new()).exit_code, 1);
    }

    #[test]
    fn the_store_and_the_defaults_agree_on_the_longest_call() {
        assert_eq!(
            longest_call(&Deadlines::default(), []),
            ainfera_store::invariants::LONGEST_CALL
        );
    }

    #[test]
    fn both_forms_name_what_is_broken() {
        let mut text = Vec::new();
        findings([true, false]).write_text(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(
            text,
            "ok      first: detail\nBROKEN  second: detail\nsqlite://a.db: not all invariants hold\n"
        );
        let mut json = Vec::new();
        findings([true, false]).write_json(&mut json).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["healthy"], false);
        assert_eq!(json["invariants"][1]["name"], "second");
        assert_eq!(json["invariants"][1]["holds"], false);
        assert_eq!(
            (&json["exit_code"], &json["invariants"][1]["class"], &json["invariants"][1]["broken"]),
            (&24.into(), &"audit".into(), &1.into())
        );
    }
}
