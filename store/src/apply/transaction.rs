//! The state of a batch while it is decided, and what is written of it so far.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use ainfera_schema::{AgentId, CallKind, OutcomeStatus, RequestId, RoutingOutcome, Usd};

use super::Known;
use super::account::{Account, TenantAccount};
use super::event::Event;
use super::funds::Reservation;
use super::rows::{AuditRow, Changes, ClosedCallRow, OutcomeRow};
use crate::{Refusal, StoreError};

/// What [`super::apply`] works on.
pub(super) struct Transaction<'a> {
    pub known: Known,
    /// Calls that this very transaction lets in.
    pub opened: HashMap<RequestId, Reservation>,
    pub changed: BTreeSet<AgentId>,
    pub changes: Changes<'a>,
    pub killswitch: Option<Usd>,
    pub limits: Limits,
}

/// Whether caps, balances and the kill-switch have a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limits {
    Apply,
    /// They let it in when it was committed first.
    AppliedBefore,
}

impl<'a> Transaction<'a> {
    pub(super) fn account(&mut self, agent_id: AgentId) -> Result<&mut Account, StoreError> {
        self.changed.insert(agent_id);
        self.known
            .accounts
            .get_mut(&agent_id)
            .ok_or_else(|| StoreError::Corrupt(format!("agent {agent_id} has no account")))
    }

    /// The two rows that a call's money is in.
    pub(super) fn accounts(
        &mut self,
        agent_id: AgentId,
    ) -> Result<(&mut Account, &mut TenantAccount), StoreError> {
        self.changed.insert(agent_id);
        let no_account = |whose: String| StoreError::Corrupt(format!("{whose} has no account"));
        let agent = self
            .known
            .accounts
            .get_mut(&agent_id)
            .ok_or_else(|| no_account(format!("agent {agent_id}")))?;
        let tenant = self
            .known
            .tenants
            .get_mut(&agent.tenant_id)
            .ok_or_else(|| no_account(format!("tenant {}", agent.tenant_id)))?;
        Ok((agent, tenant))
    }

    pub(super) fn append(
        &mut self,
        outcome: &RoutingOutcome,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<(), StoreError> {
        let now = self.known.now;
        let account = self.account(outcome.agent_id)?;
        let rows: Vec<AuditRow> = events
            .into_iter()
            .map(|event| account.chain.append(event, Some(outcome.request_id), now))
            .collect();
        self.changes.audit_events.extend(rows);
        Ok(())
    }

    /// Writes that the call is over: the outcome of a routed one, and what no outcome can say.
    pub(super) fn record_closed(
        &mut self,
        outcome: Cow<'a, RoutingOutcome>,
        refusal: Option<Refusal>,
    ) -> Result<(), StoreError> {
        let status = status_of(&outcome)?;
        let closed_at = self.known.now;
        if outcome.kind == CallKind::Direct || refusal.is_some() {
            self.changes.closed_calls.push(ClosedCallRow::new(
                &outcome,
                status,
                refusal.as_ref(),
                closed_at,
            )?);
        }
        self.known.closed.insert(outcome.request_id, refusal);
        if outcome.kind == CallKind::Routed {
            self.changes.outcomes.push(OutcomeRow { outcome, status, closed_at });
        }
        Ok(())
    }
}

pub(super) fn status_of(outcome: &RoutingOutcome) -> Result<OutcomeStatus, StoreError> {
    outcome.status.ok_or_else(|| {
        StoreError::Corrupt(format!("call {} is closed without a status", outcome.request_id))
    })
}
