//! The accounts of agents and of tenants.

use super::Value::{Day, Exact, Flag, Id, Integer, Money, OptionalExact};
use super::{Column, Table, column};
use crate::apply::account::{Account, TenantAccount};
use crate::apply::chain::Chain;
use crate::apply::funds::Funds;

/// The new state of an account: its money, and the end of its owner's audit chain.
pub(crate) struct BalanceRow<'a> {
    pub funds: &'a Funds,
    pub chain: &'a Chain,
}

impl<'a> From<&'a Account> for BalanceRow<'a> {
    fn from(account: &'a Account) -> Self {
        Self { funds: &account.funds, chain: &account.chain }
    }
}

impl<'a> From<&'a TenantAccount> for BalanceRow<'a> {
    fn from(account: &'a TenantAccount) -> Self {
        Self { funds: &account.funds, chain: &account.chain }
    }
}

macro_rules! balances {
    ($table:ident, $name:literal, $owner:literal) => {
        pub(crate) struct $table;

        impl Table for $table {
            type Row<'a> = BalanceRow<'a>;
            const NAME: &'static str = $name;
            const COLUMNS: &'static [Column<Self>] = &[
                column($owner, Id(|row| row.chain.owner)),
                column("balance", Money(|row| row.funds.balance)),
                column("held", Money(|row| row.funds.reserved)),
                column("held_elsewhere", Money(|row| row.funds.reserved_elsewhere)),
                column("spent_day", Day(|row| row.funds.spent_day)),
                column("spent_day_usd", Money(|row| row.funds.spent_day_usd)),
                column("spent_month", Day(|row| row.funds.spent_month)),
                column("spent_month_usd", Money(|row| row.funds.spent_month_usd)),
                column("paused", Flag(|row| row.funds.paused)),
                column("audit_seq", Integer(|row| row.chain.seq)),
                column("audit_head", OptionalExact(|row| row.chain.head.as_deref())),
            ];
        }
    };
}

balances!(AgentBalances, "accounts", "agent_id");
balances!(TenantBalances, "tenant_accounts", "tenant_id");

/// Accounts of agents that are made.
pub(crate) struct NewAccounts;

impl Table for NewAccounts {
    type Row<'a> = Account;
    const NAME: &'static str = "accounts";
    const COLUMNS: &'static [Column<Self>] = &[
        column("agent_id", Id(|row| row.agent_id.0)),
        column("balance", Money(|row| row.funds.balance)),
        column("held", Money(|row| row.funds.reserved)),
        column("spent_day", Day(|row| row.funds.spent_day)),
        column("spent_day_usd", Money(|row| row.funds.spent_day_usd)),
        column("spent_month", Day(|row| row.funds.spent_month)),
        column("audit_seq", Integer(|row| row.chain.seq)),
        column("audit_head", OptionalExact(|row| row.chain.head.as_deref())),
        column("funding", Exact(|row| row.funding.as_str())),
    ];
}
