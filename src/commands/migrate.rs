//! `ainfera migrate`: brings a database up to date and says so.

use std::io::{Write, stdout};
use std::process::ExitCode;

use super::CommandError;
use super::database::{Missing, database_url, open_store};
use crate::cli::DatabaseArgs;

pub fn run(args: &DatabaseArgs) -> Result<ExitCode, CommandError> {
    let url = database_url(args)?;
    actix_rt::System::new().block_on(open_store(&url, Missing::Make))?;
    writeln!(stdout(), "{url}: up to date").map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}
