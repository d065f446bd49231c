//! What all workers share.

use std::sync::Arc;

use actix::Addr;
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::capture::parting::Parted;
use ainfera_actors::counters::Counters;
use ainfera_actors::doctor::Checkup;
use ainfera_actors::gate::Gate;
use ainfera_actors::reader::ReaderActor;
use ainfera_schema::AgentId;
use tokio::sync::watch;

use super::auth::KeyRing;
use super::body::BodyBudget;
use super::error::ApiError;
use super::turns::{Turn, Turns};
use crate::server::parts::Parts;
use crate::server::reload::ReloadFigures;

/// Made once, before the first worker.
pub struct Shared {
    pub gate: Gate,
    pub keys: KeyRing,
    pub reader: Addr<ReaderActor>,
    pub capture: Addr<CaptureActor>,
    pub counters: Arc<Counters>,
    /// The configuration that is in force. A call takes it once, from its worker.
    pub parts: watch::Receiver<Arc<Parts>>,
    pub bodies: BodyBudget,
    /// The memory that the last responses of WebSocket connections take.
    pub remembered: BodyBudget,
    /// Of reads.
    pub turns: Turns,
    /// Of verifications, which read and hash a whole chain.
    pub verifications: Turns,
    /// The audit's public key, if there is one.
    pub audit_key: Option<String>,
    pub reloads: Arc<ReloadFigures>,
    pub checkup: watch::Receiver<Checkup>,
    /// What the database lacks of what was signed.
    pub parted: watch::Receiver<Parted>,
}

impl Shared {
    /// The configuration that is in force now.
    pub fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.parts.borrow())
    }

    /// Waits until this agent may read.
    pub async fn turn_of(&self, agent_id: AgentId) -> Result<Turn, ApiError> {
        let reads_per_key = self.parts().limits.reads_per_key;
        self.turns.take(agent_id, reads_per_key).await
    }
}
