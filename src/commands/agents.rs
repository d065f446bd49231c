//! `ainfera agents`: who may call, and what it may spend. A running gateway heeds it with its next transaction.

use std::process::ExitCode;

use ainfera_store::{CapChange, WalletChange};

use super::CommandError;
use super::operator::administer;
use super::wallet::print;
use crate::cli::{AgentsCommand, CapArgs, CapText};

pub fn run(command: AgentsCommand) -> Result<ExitCode, CommandError> {
    let view = match command {
        AgentsCommand::Suspend(args) => administer(&args.database, &args.owner, WalletChange::Suspend)?,
        AgentsCommand::Resume(args) => administer(&args.database, &args.owner, WalletChange::Reinstate)?,
        AgentsCommand::Cap(CapArgs { per_call, daily, monthly, owner, database }) => {
            let change = WalletChange::Caps { per_call: cap(per_call), daily: cap(daily), monthly: cap(monthly) };
            administer(&database, &owner, change)?
        }
    };
    print(&view)
}

fn cap(text: Option<CapText>) -> CapChange {
    match text {
        None => CapChange::Keep,
        Some(CapText::None) => CapChange::Remove,
        Some(CapText::Usd(cap)) => CapChange::Set(cap),
    }
}
