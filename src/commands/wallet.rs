//! `ainfera wallet`: money in, a look, and a stop. Prints the wallet as one JSON object.

use std::io::{Write, stdout};
use std::process::ExitCode;

use ainfera_store::{Strictness, WalletChange, WalletView};
use uuid::Uuid;

use super::CommandError;
use super::operator::{administer, look};
use crate::cli::{StrictArgs, TopUpArgs, WalletCommand};

pub fn run(command: WalletCommand) -> Result<ExitCode, CommandError> {
    let view = match command {
        WalletCommand::Topup(TopUpArgs { amount, memo, owner, database }) => {
            administer(&database, &owner, WalletChange::TopUp { transfer_id: Uuid::now_v7(), amount, memo })?
        }
        WalletCommand::Show(args) => look(&args.database, &args.owner)?,
        WalletCommand::Pause(args) => administer(&args.database, &args.owner, WalletChange::Pause)?,
        WalletCommand::Resume(args) => administer(&args.database, &args.owner, WalletChange::Resume)?,
        WalletCommand::Strict(StrictArgs { off, database, owner }) => {
            let strictness = if off { Strictness::PoolPays } else { Strictness::Strict };
            administer(&database, &owner, WalletChange::StrictPerAgent(strictness))?
        }
    };
    print(&view)
}

/// As JSON, which people can read and scripts can parse.
pub fn print(view: &WalletView) -> Result<ExitCode, CommandError> {
    let text = serde_json::to_string_pretty(view).map_err(|error| CommandError::Output(error.into()))?;
    writeln!(stdout(), "{text}").map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}
