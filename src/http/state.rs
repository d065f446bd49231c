//! What all workers share.

use std::sync::Arc;

use actix::Addr;
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::counters::Counters;
use ainfera_actors::doctor::Checkup;
use ainfera_actors::gate::Gate;
use ainfera_actors::health::Health;
use ainfera_actors::reader::ReaderActor;
use ainfera_routing::Catalogue;
use ainfera_schema::{Deadlines, Usd};
use tokio::sync::watch;

use super::auth::KeyRing;
use super::body::BodyBudget;
use super::turns::Turns;
use crate::config::audit::AuditVisibility;
use crate::config::strict::StrictSettings;
use crate::config::{AnswerRetention, Limits};

/// Made once, before the first worker.
pub struct Shared {
    pub gate: Gate,
    pub keys: KeyRing,
    pub reader: Addr<ReaderActor>,
    pub capture: Addr<CaptureActor>,
    pub counters: Arc<Counters>,
    pub catalogue: Arc<Catalogue>,
    pub health: Arc<Health>,
    pub deadlines: Deadlines,
    pub bodies: BodyBudget,
    pub limits: Limits,
    /// Of reads.
    pub turns: Turns,
    /// Of verifications, which read and hash a whole chain.
    pub verifications: Turns,
    pub killswitch_daily_usd: Option<Usd>,
    pub answers: AnswerRetention,
    pub strict: StrictSettings,
    pub audit: AuditPages,
    pub checkup: watch::Receiver<Checkup>,
}

/// Who may see the audit's pages, and the key that is shown there.
pub struct AuditPages {
    pub visibility: AuditVisibility,
    pub public_key: Option<String>,
}
