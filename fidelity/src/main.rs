//! `ainfera-fidelity FOLDER [AT_LEAST]`: every recording in the folder through every client dialect; fails if less than `AT_LEAST` per cent agree.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ainfera_fidelity::run;

fn main() -> io::Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next().map(PathBuf::from) else {
        writeln!(io::stderr(), "usage: ainfera-fidelity FOLDER [AT_LEAST]")?;
        return Ok(ExitCode::from(2));
    };
    let at_least: usize = arguments.next().and_then(|per_cent| per_cent.parse().ok()).unwrap_or(0);
    let report = run::over(&folder)?;
    write!(io::stdout(), "{report}")?;
    let (agree, total) = report.share();
    Ok(if agree * 100 >= at_least * total { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
