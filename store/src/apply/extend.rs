//! A call under way reserves more, by the rule that it was let in by: as if it gave back what it
//! holds and asked anew for the whole.
//!
//! So caps, pauses, the kill-switch and the agent's status apply to it like to a call that comes;
//! and where the wallet has become too small for the whole, the pool takes the call over.

use super::Transaction;
use super::account;
use super::rows::HoldRow;
use crate::{Extended, Extension, StoreError};

impl Transaction<'_> {
    pub(super) fn extend(&mut self, extension: &Extension) -> Result<Extended, StoreError> {
        let request_id = extension.request_id;
        let Some(held) = self.known.held.get(&request_id).copied() else {
            return Ok(Extended::NotOpen);
        };
        if held.amount >= extension.hold {
            return Ok(Extended::Held);
        }
        let (agent, tenant) = self.accounts(extension.agent_id)?;
        account::release(agent, tenant, held)?;
        if let Some(spent) = &mut self.known.spent_by_all {
            *spent = spent.checked_sub(held.amount)?;
        }
        match self.reserve(extension.agent_id, extension.hold)? {
            Ok(hold) => {
                self.known.held.insert(request_id, hold);
                self.changes.holds.retain(|row| row.request_id != request_id);
                self.changes.holds.push(HoldRow { request_id, hold });
                Ok(Extended::Held)
            }
            Err(refusal) => {
                let (agent, tenant) = self.accounts(extension.agent_id)?;
                account::keep(agent, tenant, held)?;
                if let Some(spent) = &mut self.known.spent_by_all {
                    *spent = spent.checked_add(held.amount)?;
                }
                Ok(Extended::Refused(refusal))
            }
        }
    }
}
