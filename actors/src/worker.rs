//! What one worker thread has at hand for every call it serves.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use ainfera_routing::ReservationMode;
use ainfera_schema::{BootId, Deadlines, Model, Patience, Provider, ProviderId};
use ainfera_wire::client::Call;
use ainfera_wire::provider::reasons_before_answering;

use crate::brain::RoutingBrain;
use crate::capture::CaptureActor;
use crate::capture::acknowledge::Acknowledge;
use crate::counters::Counters;
use crate::health::Health;
use crate::provider::transport::pools::ProviderPools;

/// Made once per worker thread for each configuration: neither the client nor the brain is shared
/// between threads.
pub struct Worker {
    pub brain: Addr<RoutingBrain>,
    /// On the main arbiter.
    pub capture: Addr<CaptureActor>,
    /// Outlive the worker: connections are kept when the configuration is reloaded.
    pub pools: Rc<ProviderPools>,
    pub providers: Arc<HashMap<ProviderId, Provider>>,
    pub deadlines: Deadlines,
    /// The same for all workers of the process.
    pub health: Arc<Health>,
    pub boot_id: BootId,
    pub acknowledge: Acknowledge,
    pub reservations: ReservationMode,
    pub counters: Arc<Counters>,
}

impl Worker {
    /// How long this provider may take over this call: what is set for the model, else for the
    /// provider, else for models of its kind.
    pub fn patience(&self, call: &Call, provider: &Provider, model: &Model) -> Patience {
        let reasons = reasons_before_answering(provider.kind, call, model);
        let usual = if reasons { self.deadlines.reasoning } else { self.deadlines.answering };
        model.deadlines.over(provider.deadlines.over(usual))
    }

    /// How long a call may take once this model was asked.
    pub fn total(&self, call: &Call, model: &Model) -> Duration {
        let provider = self.providers.get(&model.provider);
        provider
            .map_or(self.deadlines.answering, |provider| self.patience(call, provider, model))
            .total
    }
}
