//! `ainfera wallet`: money in, a look, and a stop. Prints the wallet as one JSON object.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use ainfera_store::{Strictness, WalletChange, WalletView};
use uuid::Uuid;

use super::CommandError;
use super::operator::{administer, look};
use super::spending::may_spend;
use crate::cli::{OwnerAndDatabase, OwnerArgs, StrictArgs, TopUpArgs, WalletCommand};

pub fn run(command: WalletCommand) -> Result<ExitCode, CommandError> {
    let (owner, database, change) = match command {
        WalletCommand::Topup(TopUpArgs { amount, memo, owner, database }) => {
            (owner, database, WalletChange::TopUp { transfer_id: Uuid::now_v7(), amount, memo })
        }
        WalletCommand::Show(OwnerAndDatabase { owner, database }) => {
            return print(&owner, &look(&database, &owner)?);
        }
        WalletCommand::Pause(OwnerAndDatabase { owner, database }) => {
            (owner, database, WalletChange::Pause)
        }
        WalletCommand::Resume(OwnerAndDatabase { owner, database }) => {
            (owner, database, WalletChange::Resume)
        }
        WalletCommand::Strict(StrictArgs { off, database, owner }) => {
            let strictness = if off { Strictness::PoolPays } else { Strictness::Strict };
            (owner, database, WalletChange::StrictPerAgent(strictness))
        }
    };
    print(&owner, &administer(&database, &owner, change)?)
}

/// As JSON, which people can read and scripts can parse; beside it, on standard error, what it
/// means for an agent.
pub fn print(owner: &OwnerArgs, view: &WalletView) -> Result<ExitCode, CommandError> {
    if let Some(agent) = &owner.agent {
        writeln!(stderr(), "{}", may_spend(agent, view)).map_err(CommandError::Output)?;
    }
    let text =
        serde_json::to_string_pretty(view).map_err(|error| CommandError::Output(error.into()))?;
    writeln!(stdout(), "{text}").map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}
