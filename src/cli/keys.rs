//! `ainfera keys`: make a key, and its agent with it.

use std::str::FromStr;

use ainfera_schema::Usd;
use ainfera_schema::policy::{PriorityCeiling, RoutingPreference};
use clap::{Args, Subcommand, ValueEnum};
use rust_decimal::Decimal;

use super::{DatabaseArgs, TenantArgs};

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it, alone; what its agent may spend goes to standard error. The agent
    /// is made if it is new: on account, within the default caps, or with a wallet.
    Create(KeysCreateArgs),
}

/// `routing_preference`, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PreferenceWord {
    Quality,
    Balanced,
    Cost,
}

impl From<PreferenceWord> for RoutingPreference {
    fn from(word: PreferenceWord) -> Self {
        match word {
            PreferenceWord::Quality => RoutingPreference::Quality,
            PreferenceWord::Balanced => RoutingPreference::Balanced,
            PreferenceWord::Cost => RoutingPreference::Cost,
        }
    }
}

/// A priority ceiling, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriorityWord {
    Default,
    Critical,
}

impl From<PriorityWord> for PriorityCeiling {
    fn from(word: PriorityWord) -> Self {
        match word {
            PriorityWord::Default => PriorityCeiling::Default,
            PriorityWord::Critical => PriorityCeiling::Critical,
        }
    }
}

fn amount(text: &str) -> Result<Usd, String> {
    let amount = text.parse::<Usd>().map_err(|error| error.to_string())?;
    if amount.is_negative() { Err("must not be negative".to_owned()) } else { Ok(amount) }
}

fn quality(text: &str) -> Result<Decimal, String> {
    let quality = Decimal::from_str(text)
        .ok()
        .filter(|quality| *quality >= Decimal::ZERO && *quality <= Decimal::ONE);
    quality.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

#[derive(Debug, Args)]
pub struct KeysCreateArgs {
    /// Whose key it will be.
    #[arg(long, value_name = "NAME")]
    pub agent: String,
    /// The quality floor of calls that name none, from 0 to 1: for clients that cannot say one,
    /// such as Claude Code. Of a new agent only.
    #[arg(long, visible_alias = "floor", value_name = "QUALITY", value_parser = quality)]
    pub min_quality: Option<Decimal>,
    /// What calls prefer that say nothing about it. Of a new agent only.
    #[arg(long, value_enum)]
    pub preference: Option<PreferenceWord>,
    /// The highest `x-ainfera-priority` that is believed of the agent. Left out: `default`. Of a
    /// new agent only.
    #[arg(long, value_enum)]
    pub priority_ceiling: Option<PriorityWord>,
    /// Pay so many dollars into a wallet: then the agent spends until that has run out. Left out:
    /// it spends on account, within its caps. Of a new agent only.
    #[arg(long, value_name = "USD", value_parser = amount)]
    pub wallet: Option<Usd>,
    #[command(flatten)]
    pub tenant: TenantArgs,
    /// Make the tenant if it is not there; without this only the default one and the first one of a
    /// database are made.
    #[arg(long)]
    pub new_tenant: bool,
    #[command(flatten)]
    pub database: DatabaseArgs,
}
