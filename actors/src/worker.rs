//! What one worker thread has at hand for every call it serves.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use actix::Addr;
use ainfera_routing::HoldMode;
use ainfera_schema::{BootId, Deadlines, Provider, ProviderId};

use crate::brain::RoutingBrain;
use crate::capture::CaptureActor;
use crate::capture::acknowledge::Acknowledge;
use crate::counters::Counters;
use crate::health::Health;
use crate::provider::client::ClientSlot;

/// Made in the app factory, once per worker: neither the client nor the brain is shared between threads.
pub struct Worker {
    pub brain: Addr<RoutingBrain>,
    /// On the main arbiter.
    pub capture: Addr<CaptureActor>,
    pub clients: Rc<ClientSlot>,
    pub providers: Arc<HashMap<ProviderId, Provider>>,
    pub deadlines: Deadlines,
    /// The same for all workers of the process.
    pub health: Arc<Health>,
    pub boot_id: BootId,
    pub acknowledge: Acknowledge,
    pub holds: HoldMode,
    pub counters: Arc<Counters>,
}
