//! `ainfera-fidelity FOLDER [AT_LEAST] [GATEWAY]`: every recording in the folder through every
//! client dialect; fails if less than `AT_LEAST` per cent agree. `GATEWAY` is the program to send
//! them through; without it they go through the wire crate alone.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use ainfera_fidelity::gateway::Gateway;
use ainfera_fidelity::run::{self, Way};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(folder) = arguments.first() else {
        writeln!(io::stderr(), "usage: ainfera-fidelity FOLDER [AT_LEAST] [GATEWAY]")?;
        return Ok(ExitCode::from(2));
    };
    let at_least: usize = arguments.get(1).and_then(|per_cent| per_cent.parse().ok()).unwrap_or(0);
    let way = match arguments.get(2) {
        Some(binary) => Way::Gateway(Gateway::start(Path::new(binary))?),
        None => Way::Wire,
    };
    let report = run::over(Path::new(folder), &way)?;
    write!(io::stdout(), "{report}")?;
    let (agree, total) = report.share();
    Ok(if agree * 100 >= at_least * total { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
