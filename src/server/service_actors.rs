//! The actors that a gateway has once, on the main arbiter. They serve all workers.

use std::sync::Arc;

use actix::{Actor, Addr};
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::checkpoint::CheckpointActor;
use ainfera_actors::counters::Counters;
use ainfera_actors::doctor::{Checkup, DoctorActor};
use ainfera_actors::gate::Gate;
use ainfera_actors::reader::ReaderActor;
use ainfera_actors::replica::ReplicaActor;
use ainfera_schema::BootId;
use ainfera_store::{Heartbeat, StoreWriter};
use tokio::sync::watch;

use super::longest_call;
use crate::config::Config;

/// What the actors work with.
pub struct Services {
    pub boot_id: BootId,
    pub store: Arc<dyn StoreWriter>,
    /// Runs already: it has begun the boot.
    pub capture: Addr<CaptureActor>,
    pub gate: Gate,
    pub counters: Arc<Counters>,
}

pub struct ServiceActors {
    pub capture: Addr<CaptureActor>,
    pub reader: Addr<ReaderActor>,
    pub checkpoints: Addr<CheckpointActor>,
    pub replica: Addr<ReplicaActor>,
    /// Whether other replicas gave this one up.
    pub standing: watch::Receiver<Heartbeat>,
    /// `None` where the configuration switches the doctor off.
    pub doctor: Option<Addr<DoctorActor>>,
    pub checkup: watch::Receiver<Checkup>,
}

impl ServiceActors {
    /// Must be called on the main arbiter, where they then live.
    pub fn start(config: &Config, services: Services) -> Self {
        let Services { boot_id, store, capture, gate, counters } = services;
        let checkpoints = CheckpointActor::new(capture.clone(), Arc::clone(&counters)).start();
        let (replica, standing) =
            ReplicaActor::new(boot_id, &config.deadlines, capture.clone(), gate);
        let reader = ReaderActor::new(store).start();
        let (doctor, checkup) = start_doctor(config, &reader, counters);
        let replica = replica.start();
        Self { capture, reader, checkpoints, replica, standing, doctor, checkup }
    }
}

fn start_doctor(
    config: &Config,
    reader: &Addr<ReaderActor>,
    counters: Arc<Counters>,
) -> (Option<Addr<DoctorActor>>, watch::Receiver<Checkup>) {
    let Some(every) = config.doctor_every else {
        return (None, watch::channel(Checkup::default()).1);
    };
    let longest_call = longest_call(&config.deadlines, config.own_deadlines());
    let (doctor, checkup) = DoctorActor::new(reader.clone(), every, longest_call, counters);
    (Some(doctor.start()), checkup)
}
