//! The accounts of agents and of tenants.

use super::Value::{Day, Exact, Flag, Id, Integer, Money, OptionalExact};
use super::{Column, Table, column};
use crate::apply::account::{Account, TenantAccount};
use crate::apply::chain::Chain;
use crate::apply::purse::Purse;

/// The new state of an account: its money, and the end of its owner's audit chain.
pub struct BalanceRow<'a> {
    pub purse: &'a Purse,
    pub chain: &'a Chain,
}

impl<'a> From<&'a Account> for BalanceRow<'a> {
    fn from(account: &'a Account) -> Self {
        Self { purse: &account.purse, chain: &account.chain }
    }
}

impl<'a> From<&'a TenantAccount> for BalanceRow<'a> {
    fn from(account: &'a TenantAccount) -> Self {
        Self { purse: &account.purse, chain: &account.chain }
    }
}

macro_rules! balances {
    ($table:ident, $name:literal, $owner:literal) => {
        pub struct $table;

        impl Table for $table {
            type Row<'a> = BalanceRow<'a>;
            const NAME: &'static str = $name;
            const COLUMNS: &'static [Column<Self>] = &[
                column($owner, Id(|row| row.chain.owner)),
                column("balance", Money(|row| row.purse.balance)),
                column("held", Money(|row| row.purse.held)),
                column("held_elsewhere", Money(|row| row.purse.held_elsewhere)),
                column("spent_day", Day(|row| row.purse.spent_day)),
                column("spent_day_usd", Money(|row| row.purse.spent_day_usd)),
                column("spent_month", Day(|row| row.purse.spent_month)),
                column("spent_month_usd", Money(|row| row.purse.spent_month_usd)),
                column("paused", Flag(|row| row.purse.paused)),
                column("audit_seq", Integer(|row| row.chain.seq)),
                column("audit_head", OptionalExact(|row| row.chain.head.as_deref())),
            ];
        }
    };
}

balances!(AgentBalances, "accounts", "agent_id");
balances!(TenantBalances, "tenant_accounts", "tenant_id");

/// Accounts of agents that are made.
pub struct NewAccounts;

impl Table for NewAccounts {
    type Row<'a> = Account;
    const NAME: &'static str = "accounts";
    const COLUMNS: &'static [Column<Self>] = &[
        column("agent_id", Id(|row| row.agent_id.0)),
        column("balance", Money(|row| row.purse.balance)),
        column("held", Money(|row| row.purse.held)),
        column("spent_day", Day(|row| row.purse.spent_day)),
        column("spent_day_usd", Money(|row| row.purse.spent_day_usd)),
        column("spent_month", Day(|row| row.purse.spent_month)),
        column("audit_seq", Integer(|row| row.chain.seq)),
        column("audit_head", OptionalExact(|row| row.chain.head.as_deref())),
        column("funding", Exact(|row| row.funding.as_str())),
    ];
}
