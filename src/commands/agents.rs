//! `ainfera agents`: who may call, and what it may spend. A running gateway heeds it with its next
//! transaction.

use std::process::ExitCode;

use ainfera_store::{CapChange, WalletChange};

use super::CommandError;
use super::operator::administer;
use super::wallet::print;
use crate::cli::{AgentsCommand, CapArgs, CapText, OwnerAndDatabase};

pub fn run(command: AgentsCommand) -> Result<ExitCode, CommandError> {
    let (owner, database, change) = match command {
        AgentsCommand::Suspend(OwnerAndDatabase { owner, database }) => {
            (owner, database, WalletChange::Suspend)
        }
        AgentsCommand::Resume(OwnerAndDatabase { owner, database }) => {
            (owner, database, WalletChange::Reinstate)
        }
        AgentsCommand::Cap(CapArgs { per_call, daily, monthly, owner, database }) => (
            owner,
            database,
            WalletChange::Caps {
                per_call: cap(per_call),
                daily: cap(daily),
                monthly: cap(monthly),
            },
        ),
    };
    print(&owner, &administer(&database, &owner, change)?)
}

fn cap(text: Option<CapText>) -> CapChange {
    match text {
        None => CapChange::Keep,
        Some(CapText::None) => CapChange::Remove,
        Some(CapText::Usd(cap)) => CapChange::Set(cap),
    }
}
