//! What a worker thread serves calls with. A reload replaces it for the calls to come; a call keeps
//! what it began with until its end, so that it is never decided by one catalogue and billed by
//! another.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix::{Actor, Addr};
use ainfera_actors::brain::RoutingBrain;
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::counters::Counters;
use ainfera_actors::provider::transport::pools::ProviderPools;
use ainfera_actors::worker::Worker;
use ainfera_schema::BootId;
use tokio::sync::watch;

use super::parts::Parts;

/// Everything of one configuration, taken once by each call.
pub struct Serving {
    pub parts: Arc<Parts>,
    pub worker: Rc<Worker>,
}

/// One per worker thread.
pub struct ServingSlot {
    fixed: Fixed,
    latest: RefCell<watch::Receiver<Arc<Parts>>>,
    current: RefCell<Rc<Serving>>,
}

/// What no reload changes.
#[derive(Clone)]
pub struct Fixed {
    pub capture: Addr<CaptureActor>,
    pub boot_id: BootId,
    pub counters: Arc<Counters>,
}

impl ServingSlot {
    /// Must be called on the worker's own thread, where its actors live.
    pub fn new(fixed: Fixed, mut latest: watch::Receiver<Arc<Parts>>) -> Self {
        let parts = Arc::clone(&latest.borrow_and_update());
        let current = Rc::new(fixed.serving(parts, None));
        Self { fixed, latest: RefCell::new(latest), current: RefCell::new(current) }
    }

    /// What a call that begins now is served with. Looking whether there was a reload costs one
    /// atomic read.
    pub fn current(&self) -> Rc<Serving> {
        let mut latest = self.latest.borrow_mut();
        if latest.has_changed().unwrap_or(false) {
            let parts = Arc::clone(&latest.borrow_and_update());
            let former = self
                .current
                .replace_with(|former| Rc::new(self.fixed.serving(parts, Some(former))));
            // Calls that began with it still hold it.
            drop(former);
        }
        Rc::clone(&self.current.borrow())
    }
}

impl Fixed {
    fn serving(&self, parts: Arc<Parts>, former: Option<&mut Rc<Serving>>) -> Serving {
        let connect = parts.deadlines.connect;
        // Connections are kept; a provider that changed gets new ones from its pool.
        let kept = former
            .filter(|former| former.parts.deadlines.connect == connect)
            .map(|former| Rc::clone(&former.worker.pools));
        if let Some(pools) = &kept {
            pools.trust(Arc::clone(&parts.tls));
        }
        let worker = Worker {
            brain: RoutingBrain::new(Arc::clone(&parts.catalogue), parts.brain.clone()).start(),
            capture: self.capture.clone(),
            pools: kept
                .unwrap_or_else(|| Rc::new(ProviderPools::new(Arc::clone(&parts.tls), connect))),
            providers: Arc::clone(&parts.providers),
            deadlines: parts.deadlines,
            health: Arc::clone(&parts.health),
            boot_id: self.boot_id,
            acknowledge: parts.acknowledge,
            reservations: parts.brain.reservations,
            counters: Arc::clone(&self.counters),
        };
        Serving { worker: Rc::new(worker), parts }
    }
}
