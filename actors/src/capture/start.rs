//! A boot begins: CaptureActor puts what an earlier life left in its spool into the store, and
//! closes the calls that are then still open.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use actix::{Context, Handler, Message};
use ainfera_schema::BootId;
use ainfera_store::StoreError;
use tokio::sync::oneshot;

use super::CaptureActor;
use super::machine::{Input, SpoolName};
use super::refused_records::RefusedRecordError;
use super::spool_file::{SpoolError, SpoolFile};
use super::waiter::Waiter;

/// The first message of a boot. From here on this process is the replica.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartBoot {
    pub boot_id: BootId,
    pub replica: String,
    /// A spool under a name that is not used any more: replayed, too, and then gone.
    pub former_spool: Option<PathBuf>,
    pub reply: oneshot::Sender<Result<Started, StartFailure>>,
}

/// How many calls of earlier boots were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// By their own records, which were in a spool.
    pub replayed: u64,
    /// As lost.
    pub lost: u64,
}

/// Why a boot does not begin. It may be tried again: whoever is closed stays closed.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    RefusedRecord(#[from] RefusedRecordError),
}

impl Handler<StartBoot> for CaptureActor {
    type Result = ();

    fn handle(&mut self, start: StartBoot, context: &mut Context<Self>) {
        let StartBoot { boot_id, replica, former_spool, reply } = start;
        let shared = |path| Arc::new(Mutex::new(SpoolFile::new(path)));
        self.former_spool = former_spool.map(shared);
        let own = self.spool.iter().map(|_| SpoolName::Own);
        let spools = own.chain(self.former_spool.iter().map(|_| SpoolName::Former)).collect();
        let waiter = Waiter::Start(reply);
        self.on(Input::StartBoot { boot_id, replica, spools, waiter }, context);
    }
}
