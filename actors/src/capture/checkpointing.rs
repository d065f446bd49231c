//! Checkpoints between two batches. The file outside of the database is written afterwards, when batches go on already.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_store::CheckpointResult;

use super::checkpoint_file::CheckpointFile;
use super::survive::guarded;
use super::{CaptureActor, Phase};

/// Sign the heads of all chains as soon as the transaction that is under way is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MakeCheckpoint;

/// What CaptureActor needs for it.
pub struct Checkpointing {
    signer: Arc<CheckpointSigner>,
    file: FileState,
    pub(super) due: bool,
    at_work: bool,
}

enum FileState {
    None,
    AtRest(CheckpointFile),
    /// What comes meanwhile is caught up with the next time.
    Writing,
}

impl Checkpointing {
    pub fn new(signer: Arc<CheckpointSigner>, file: Option<CheckpointFile>) -> Self {
        Self { signer, file: file.map_or(FileState::None, FileState::AtRest), due: false, at_work: false }
    }
}

impl Handler<MakeCheckpoint> for CaptureActor {
    type Result = ();

    fn handle(&mut self, _: MakeCheckpoint, context: &mut Self::Context) {
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.due = true;
        }
        self.survive(context, Self::advance);
    }
}

impl CaptureActor {
    /// With this, the heads of all chains are signed.
    #[must_use]
    pub fn checkpointing(mut self, checkpointing: Option<Checkpointing>) -> Self {
        self.checkpointing = checkpointing;
        self
    }

    /// Starts a checkpoint if one is due. The caller knows that nothing is under way.
    pub(super) fn make_due_checkpoint(&mut self, context: &mut Context<Self>) -> bool {
        let Some(checkpointing) = self.checkpointing.as_mut().filter(|checkpointing| checkpointing.due) else {
            return false;
        };
        (checkpointing.due, checkpointing.at_work) = (false, true);
        self.phase = Phase::Committing;
        let (store, signer) = (Arc::clone(&self.store), Arc::clone(&checkpointing.signer));
        let made = async move { guarded(store.checkpoint(signer)).await }.into_actor(self);
        context.spawn(made.map(|result, actor, context| {
            actor.phase = Phase::Idle;
            if let Some(checkpointing) = &mut actor.checkpointing {
                checkpointing.at_work = false;
            }
            actor.survive(context, Self::advance);
            match result {
                Ok(CheckpointResult::Made(_)) => actor.write_checkpoint_file(context),
                Ok(CheckpointResult::NothingNew | CheckpointResult::NotLeader) => {}
                Err(error) => tracing::error!(%error, "no checkpoint could be made"),
            }
        }));
        true
    }

    pub(super) fn is_checkpointing(&self) -> bool {
        self.checkpointing.as_ref().is_some_and(|checkpointing| checkpointing.at_work)
    }

    fn write_checkpoint_file(&mut self, context: &mut Context<Self>) {
        let Some(checkpointing) = &mut self.checkpointing else {
            return;
        };
        let mut file = match std::mem::replace(&mut checkpointing.file, FileState::Writing) {
            FileState::AtRest(file) => file,
            other => {
                checkpointing.file = other;
                return;
            }
        };
        let store = Arc::clone(&self.store);
        let written = async move {
            if let Err(error) = file.catch_up(&*store).await {
                tracing::error!(%error, "checkpoint file cannot be written");
            }
            file
        };
        context.spawn(written.into_actor(self).map(|file, actor, _| {
            if let Some(checkpointing) = &mut actor.checkpointing {
                checkpointing.file = FileState::AtRest(file);
            }
        }));
    }
}
