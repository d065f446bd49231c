//! A call under way reserves more, by the rule that it was let in by: as if it gave back what it
//! reserved and asked anew for the whole.
//!
//! So caps, pauses, the kill-switch and the agent's status apply to it like to a call that comes;
//! and where the wallet has become too small for the whole, the pool takes the call over.

use super::account;
use super::rows::ReservationRow;
use super::transaction::Transaction;
use crate::{Extended, Extension, StoreError};

impl Transaction<'_> {
    pub(super) fn extend(&mut self, extension: &Extension) -> Result<Extended, StoreError> {
        let request_id = extension.request_id;
        let Some(before) = self.known.reserved.get(&request_id).copied() else {
            return Ok(Extended::NotOpen);
        };
        if before.amount >= extension.reservation {
            return Ok(Extended::Held);
        }
        let (agent, tenant) = self.accounts(extension.agent_id)?;
        account::release(agent, tenant, before)?;
        if let Some(spent) = &mut self.known.spent_by_all {
            *spent = spent.checked_sub(before.amount)?;
        }
        match self.reserve(extension.agent_id, extension.reservation)? {
            Ok(reservation) => {
                self.known.reserved.insert(request_id, reservation);
                self.changes.reservations.retain(|row| row.request_id != request_id);
                self.changes.reservations.push(ReservationRow { request_id, reservation });
                Ok(Extended::Held)
            }
            Err(refusal) => {
                let (agent, tenant) = self.accounts(extension.agent_id)?;
                account::reserve(agent, tenant, before)?;
                if let Some(spent) = &mut self.known.spent_by_all {
                    *spent = spent.checked_add(before.amount)?;
                }
                Ok(Extended::Refused(refusal))
            }
        }
    }
}
