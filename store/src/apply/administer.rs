//! What an operator's change makes of an account, locked by the transaction: the same for both
//! stores.

use ainfera_schema::audit::AuditEventType;
use ainfera_schema::policy::{CapSource, SpendPolicy};
use ainfera_schema::{AgentId, AgentStatus, Funding, MoneyError, Usd};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account::{Account, TenantAccount};
use super::chain::Chain;
use super::event::{self, Event};
use super::funds::Funds;
use super::rows::{AuditRow, TransferKind, TransferRow, pool, wallet};
use crate::read::owed;
use crate::wallet::{CapChange, Strictness, WalletChange, WalletView};
use crate::{Owner, StoreError};

/// An account and the switches beside it, of an agent or of a tenant.
#[derive(Debug, Clone)]
pub(crate) struct Administered {
    pub owner: Owner,
    pub status: AgentStatus,
    pub spend_policy: SpendPolicy,
    pub wallet_strict_per_agent: bool,
    pub funding: Funding,
    pub funds: Funds,
    pub chain: Chain,
}

/// What there is to write. Without an event nothing has changed.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub transfers: Vec<TransferRow>,
    pub audit_events: Vec<AuditRow>,
}

impl From<Account> for Administered {
    fn from(account: Account) -> Self {
        let Account { agent_id, status, spend_policy, funding, funds, chain, .. } = account;
        let owner = Owner::Agent(agent_id);
        Self { owner, status, spend_policy, wallet_strict_per_agent: false, funding, funds, chain }
    }
}

impl From<TenantAccount> for Administered {
    fn from(account: TenantAccount) -> Self {
        let TenantAccount { tenant_id, spend_policy, wallet_strict_per_agent, funds, chain } =
            account;
        let (owner, status, funding) =
            (Owner::Tenant(tenant_id), AgentStatus::Active, Funding::Prepaid);
        Self { owner, status, spend_policy, wallet_strict_per_agent, funding, funds, chain }
    }
}

impl Administered {
    /// The view of it; the windows are those of `now`.
    pub(crate) fn view(&self, now: Timestamp) -> Result<WalletView, MoneyError> {
        let mut funds = self.funds.clone();
        funds.roll_windows(now);
        Ok(WalletView {
            status: self.status.as_str().to_owned(),
            funding: self.funding,
            balance_usd: funds.balance,
            owed_usd: owed(self.funding, funds.balance)?,
            held_usd: funds.reserved,
            paused: funds.paused,
            spent_today_usd: funds.spent_day_usd,
            spent_this_month_usd: funds.spent_month_usd,
            spend_policy: self.spend_policy.clone(),
            wallet_strict_per_agent: self.wallet_strict_per_agent,
        })
    }

    pub(crate) fn apply(
        &mut self,
        change: &WalletChange,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        match change {
            WalletChange::TopUp { .. } => self.top_up(change, now),
            WalletChange::Pause | WalletChange::Resume => {
                let pause = matches!(change, WalletChange::Pause);
                let event_type = if pause {
                    AuditEventType::WalletPaused
                } else {
                    AuditEventType::WalletResumed
                };
                let changes = std::mem::replace(&mut self.funds.paused, pause) != pause;
                Ok(self.tell(changes, event_type, json!({}), now))
            }
            WalletChange::Suspend | WalletChange::Reinstate => {
                let Owner::Agent(_) = self.owner else {
                    return Err(StoreError::Refused("only agents can be suspended".to_owned()));
                };
                let (status, event_type) = match change {
                    WalletChange::Suspend => {
                        (AgentStatus::Suspended, AuditEventType::AgentSuspended)
                    }
                    _ => (AgentStatus::Active, AuditEventType::AgentResumed),
                };
                let changes = std::mem::replace(&mut self.status, status) != status;
                Ok(self.tell(changes, event_type, json!({ "status": status.as_str() }), now))
            }
            WalletChange::Caps { per_call, daily, monthly } => {
                for change in [per_call, daily, monthly] {
                    if let CapChange::Set(cap) = change
                        && cap.is_negative()
                    {
                        return Err(StoreError::Refused(format!("a cap of {cap}")));
                    }
                }
                let before = self.spend_policy.clone();
                let policy = &mut self.spend_policy;
                policy.per_call_cap_usd = per_call.after(before.per_call_cap_usd);
                policy.daily_cap_usd = daily.after(before.daily_cap_usd);
                if *daily != CapChange::Keep {
                    policy.daily_cap_source = CapSource::Owner;
                }
                policy.monthly_cap_usd = monthly.after(before.monthly_cap_usd);
                let fields = json!({ "before": cap_texts(&before), "after": cap_texts(policy) });
                let changes = *policy != before;
                Ok(self.tell(changes, AuditEventType::SpendPolicyChanged, fields, now))
            }
            WalletChange::StrictPerAgent(strictness) => {
                let Owner::Tenant(_) = self.owner else {
                    return Err(StoreError::Refused(
                        "only tenants have a pool to be strict about".to_owned(),
                    ));
                };
                let strict = matches!(strictness, Strictness::Strict);
                let changes =
                    std::mem::replace(&mut self.wallet_strict_per_agent, strict) != strict;
                Ok(self.tell(
                    changes,
                    AuditEventType::SpendPolicyChanged,
                    json!({ "wallet_strict_per_agent": strict }),
                    now,
                ))
            }
        }
    }

    fn top_up(&mut self, change: &WalletChange, now: Timestamp) -> Result<Written, StoreError> {
        let WalletChange::TopUp { transfer_id, amount, memo } = change else {
            return Ok(Written::default());
        };
        if *amount <= Usd::ZERO {
            return Err(StoreError::Refused(format!("a top-up of {amount}")));
        }
        if self.funding == Funding::OnAccount {
            let why = "a top-up of an agent on account: it has no wallet; one is made with the agent, by `ainfera keys create --wallet USD`";
            return Err(StoreError::Refused(why.to_owned()));
        }
        self.funds.balance = self.funds.balance.checked_add(*amount)?;
        let credit_account = match self.owner {
            Owner::Agent(agent_id) => wallet(agent_id),
            Owner::Tenant(tenant_id) => pool(tenant_id),
        };
        let mut transfer = TransferRow {
            transfer_id: *transfer_id,
            debit_account: "funding".to_owned(),
            credit_account,
            amount: *amount,
            kind: TransferKind::Topup,
            request_id: None,
            agent_id: AgentId(self.chain.owner),
            balance_after: self.funds.balance,
            memo: memo.clone(),
            audit_seq: 0,
            created_at: now,
        };
        let row = self.chain.append(event::topped_up(&transfer), None, now);
        transfer.audit_seq = row.seq;
        Ok(Written { transfers: vec![transfer], audit_events: vec![row] })
    }

    fn tell(
        &mut self,
        changes: bool,
        event_type: AuditEventType,
        fields: Value,
        now: Timestamp,
    ) -> Written {
        if !changes {
            return Written::default();
        }
        let row = self.chain.append(Event::new(event_type, fields), None, now);
        Written { transfers: Vec::new(), audit_events: vec![row] }
    }
}

fn cap_texts(policy: &SpendPolicy) -> Value {
    let caps = [
        ("per_call_cap_usd", policy.per_call_cap_usd),
        ("daily_cap_usd", policy.daily_cap_usd),
        ("monthly_cap_usd", policy.monthly_cap_usd),
    ];
    Value::Object(Map::from_iter(
        caps.map(|(name, cap)| (name.to_owned(), json!(cap.map(|cap| cap.to_string())))),
    ))
}

#[cfg(test)]
mod tests {
    use ainfera_schema::TenantId;

    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn now() -> Timestamp {
        "2026-11-24T12:00:00Z".parse().unwrap()
    }

    fn agent() -> Administered {
        Account::new(AgentId::mint(), TenantId::mint(), SpendPolicy::default(), now()).into()
    }

    #[test]
    fn what_changes_nothing_is_not_told() {
        let mut agent = agent();
        for (change, expected) in [
            (WalletChange::Resume, 0),
            (WalletChange::Pause, 1),
            (WalletChange::Pause, 1),
            (WalletChange::Suspend, 2),
            (WalletChange::Suspend, 2),
            (WalletChange::Reinstate, 3),
            (
                WalletChange::Caps {
                    per_call: CapChange::Keep,
                    daily: CapChange::Remove,
                    monthly: CapChange::Keep,
                },
                3,
            ),
            (
                WalletChange::Caps {
                    per_call: CapChange::Keep,
                    daily: CapChange::Set(usd("2")),
                    monthly: CapChange::Keep,
                },
                4,
            ),
        ] {
            agent.apply(&change, now()).unwrap();
            assert_eq!(agent.chain.seq, expected, "{change:?}");
        }
        assert!(agent.funds.paused);
        assert_eq!(agent.spend_policy.daily_cap_usd, Some(usd("2")));
    }

    #[test]
    fn money_comes_with_a_transfer_and_its_event() {
        let mut agent = agent();
        let top_up = |amount: &str| WalletChange::TopUp {
            transfer_id: uuid::Uuid::now_v7(),
            amount: usd(amount),
            memo: "gift".to_owned(),
        };
        let written = agent.apply(&top_up("5"), now()).unwrap();
        assert_eq!(
            (written.transfers[0].balance_after, written.transfers[0].audit_seq),
            (usd("5"), 1)
        );
        assert!(written.audit_events[0].payload.contains("\"amount_usd\":\"5\""));
        for amount in ["0", "-1"] {
            assert!(matches!(agent.apply(&top_up(amount), now()), Err(StoreError::Refused(_))));
        }
        assert_eq!(agent.funds.balance, usd("5"));
    }

    #[test]
    fn an_agent_on_account_has_no_wallet_to_top_up_and_owes_what_its_calls_cost() {
        let mut agent = Administered { funding: Funding::OnAccount, ..agent() };
        let top_up = WalletChange::TopUp {
            transfer_id: uuid::Uuid::now_v7(),
            amount: usd("5"),
            memo: "gift".to_owned(),
        };
        assert!(
            matches!(agent.apply(&top_up, now()), Err(StoreError::Refused(why)) if why.contains("on account"))
        );
        assert_eq!((agent.funds.balance, agent.chain.seq), (Usd::ZERO, 0));
        agent.funds.balance = usd("-3");
        assert_eq!(agent.view(now()).unwrap().owed_usd, Some(usd("3")));
        agent.funding = Funding::Prepaid;
        assert_eq!(agent.view(now()).unwrap().owed_usd, None);
    }

    #[test]
    fn a_cap_that_an_owner_sets_is_the_owners() {
        let mut agent = agent();
        agent.spend_policy.daily_cap_usd = Some(usd("10"));
        agent.spend_policy.daily_cap_source = CapSource::Default;
        let caps = |daily| WalletChange::Caps {
            per_call: CapChange::Keep,
            daily,
            monthly: CapChange::Keep,
        };
        agent.apply(&caps(CapChange::Keep), now()).unwrap();
        assert_eq!(agent.spend_policy.daily_cap_source, CapSource::Default);
        agent.apply(&caps(CapChange::Set(usd("10"))), now()).unwrap();
        assert_eq!((agent.spend_policy.daily_cap_source, agent.chain.seq), (CapSource::Owner, 1));
    }

    #[test]
    fn what_does_not_belong_to_the_owner_is_refused() {
        let mut agent = agent();
        assert!(agent.apply(&WalletChange::StrictPerAgent(Strictness::Strict), now()).is_err());
        let mut tenant: Administered = TenantAccount::new(TenantId::mint(), now()).into();
        assert!(tenant.apply(&WalletChange::Suspend, now()).is_err());
        assert_eq!(
            tenant
                .apply(&WalletChange::StrictPerAgent(Strictness::Strict), now())
                .unwrap()
                .audit_events
                .len(),
            1
        );
    }
}
