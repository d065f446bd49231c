//! `ainfera wallet` and `ainfera agents`: who may spend how much.

use std::str::FromStr;

use ainfera_schema::{MoneyError, Usd};
use clap::{Args, Subcommand};

use super::{DatabaseArgs, TenantArgs};

#[derive(Debug, Subcommand)]
pub enum WalletCommand {
    /// Add money to a wallet or to the pool. An agent on account has no wallet.
    Topup(TopUpArgs),
    /// Print what its calls are paid from, balance, holds, spending and caps.
    Show(OwnerAndDatabase),
    /// Let it pay for no new call.
    Pause(OwnerAndDatabase),
    /// Let a paused wallet pay again.
    Resume(OwnerAndDatabase),
    /// Refuse an agent whose wallet is short, although the pool could pay.
    Strict(StrictArgs),
}

#[derive(Debug, Subcommand)]
pub enum AgentsCommand {
    /// Let an agent in no more.
    Suspend(OwnerAndDatabase),
    /// Let a suspended agent in again.
    Resume(OwnerAndDatabase),
    /// Set caps. An agent's own stand in place of the pool's of the same kind.
    Cap(CapArgs),
}

/// Whose wallet it is.
#[derive(Debug, Args)]
pub struct OwnerArgs {
    #[arg(long, value_name = "NAME", required_unless_present = "pool", conflicts_with = "pool")]
    pub agent: Option<String>,
    /// The pool that all agents of the tenant share.
    #[arg(long)]
    pub pool: bool,
    #[command(flatten)]
    pub tenant: TenantArgs,
}

impl OwnerArgs {
    pub fn name(&self) -> String {
        self.agent.clone().unwrap_or_else(|| "pool".to_owned())
    }
}

#[derive(Debug, Args)]
pub struct OwnerAndDatabase {
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct TopUpArgs {
    /// Dollars, such as 12.50.
    #[arg(long, value_name = "USD")]
    pub amount: Usd,
    /// A note for the ledger.
    #[arg(long, value_name = "TEXT", default_value = "top-up")]
    pub memo: String,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct StrictArgs {
    /// Let the pool pay again.
    #[arg(long)]
    pub off: bool,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

#[derive(Debug, Args)]
pub struct CapArgs {
    /// Dollars, or `none` to take the cap away.
    #[arg(long, value_name = "USD")]
    pub per_call: Option<CapText>,
    #[arg(long, value_name = "USD")]
    pub daily: Option<CapText>,
    #[arg(long, value_name = "USD")]
    pub monthly: Option<CapText>,
    #[command(flatten)]
    pub owner: OwnerArgs,
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// A cap as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapText {
    None,
    Usd(Usd),
}

impl FromStr for CapText {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        if text == "none" { Ok(CapText::None) } else { text.parse().map(CapText::Usd) }
    }
}
