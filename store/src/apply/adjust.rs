//! A call that was closed as lost, and whose owner turns out to have been asleep only: what it was
//! charged is put right, once.

use ainfera_schema::{RoutingOutcome, Usd};
use jiff::Timestamp;
use uuid::Uuid;

use super::account::{self, Account, TenantAccount};
use super::funds::{Charged, Funds, utc_day};
use super::rows::{self, TransferKind, TransferRow};
use crate::StoreError;

/// How a call was closed as lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LostCall {
    pub amount: Usd,
    /// Who paid; the wallet where nothing was charged.
    pub charged: Charged,
    pub closed_at: Timestamp,
}

/// A call has one adjustment: its id follows from the call's.
pub(crate) fn transfer_id(request_id: Uuid) -> Uuid {
    Uuid::new_v5(&request_id, b"adjust")
}

/// The charge that is adjusted.
pub(crate) fn post_id(request_id: Uuid) -> Uuid {
    Uuid::new_v5(&request_id, b"post")
}

/// Charges or gives back the difference. None when there is none. The transfer's place in the chain
/// is still to be set.
pub(crate) fn adjust(
    agent: &mut Account,
    tenant: &mut TenantAccount,
    outcome: &RoutingOutcome,
    lost: LostCall,
    now: Timestamp,
) -> Result<Option<TransferRow>, StoreError> {
    let cost = outcome.cost_actual_usd;
    if cost.is_negative() {
        return Err(StoreError::Corrupt(format!("call {} costs {cost}", outcome.request_id)));
    }
    let payer = match lost.charged {
        Charged::Wallet => rows::wallet(agent.agent_id),
        Charged::Pool => rows::pool(tenant.tenant_id),
    };
    let more = cost.checked_sub(lost.amount)?;
    if more.is_zero() {
        return Ok(None);
    }
    let transfer = if more.is_negative() {
        let less = lost.amount.checked_sub(cost)?;
        forget_spent(&mut agent.funds, less, lost.closed_at)?;
        forget_spent(&mut tenant.funds, less, lost.closed_at)?;
        let paid = match lost.charged {
            Charged::Wallet => &mut agent.funds,
            Charged::Pool => &mut tenant.funds,
        };
        paid.balance = paid.balance.checked_add(less)?;
        let balance_after = paid.balance;
        TransferRow {
            debit_account: "revenue".to_owned(),
            credit_account: payer,
            ..row(outcome, less, balance_after, now)
        }
    } else {
        let balance_after = account::charge(agent, tenant, lost.charged, more, now)?;
        TransferRow { debit_account: payer, ..row(outcome, more, balance_after, now) }
    };
    Ok(Some(transfer))
}

fn row(outcome: &RoutingOutcome, amount: Usd, balance_after: Usd, now: Timestamp) -> TransferRow {
    TransferRow {
        transfer_id: transfer_id(outcome.request_id.0),
        kind: TransferKind::Adjust,
        memo: "what a call charged as lost really cost".to_owned(),
        ..TransferRow::post(outcome, String::new(), amount, balance_after, now)
    }
}

/// A window that has turned since the charge does not know of it, and must not be opened by giving
/// it back.
fn forget_spent(funds: &mut Funds, amount: Usd, charged_at: Timestamp) -> Result<(), StoreError> {
    let day = utc_day(charged_at);
    if day == funds.spent_day {
        funds.spent_day_usd = funds.spent_day_usd.checked_sub(amount)?.max(Usd::ZERO);
    }
    if day.first_of_month() == funds.spent_month {
        funds.spent_month_usd = funds.spent_month_usd.checked_sub(amount)?.max(Usd::ZERO);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_that_has_turned_is_not_opened_again() {
        let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let mut funds = Funds::new(noon);
        (funds.spent_day_usd, funds.spent_month_usd) = (usd("3"), usd("5"));
        forget_spent(&mut funds, usd("1"), noon).unwrap();
        assert_eq!((funds.spent_day_usd, funds.spent_month_usd), (usd("2"), usd("4")));
        forget_spent(&mut funds, usd("1"), "2026-11-22T23:59:59Z".parse().unwrap()).unwrap();
        assert_eq!((funds.spent_day_usd, funds.spent_month_usd), (usd("2"), usd("3")));
        forget_spent(&mut funds, usd("9"), "2026-10-31T12:00:00Z".parse().unwrap()).unwrap();
        assert_eq!((funds.spent_day_usd, funds.spent_month_usd), (usd("2"), usd("3")));
        forget_spent(&mut funds, usd("9"), noon).unwrap();
        assert_eq!((funds.spent_day_usd, funds.spent_month_usd), (Usd::ZERO, Usd::ZERO));
    }
}
