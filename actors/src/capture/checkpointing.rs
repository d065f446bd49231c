//! Checkpoints between two batches. The file outside of the database is written afterwards, when
//! batches go on already.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_store::{CheckpointResult, Kept};
use tokio::sync::watch;

use super::checkpoint_file::{CheckpointFile, Extent};
use super::parting::{KeptPlace, Parted, PartedState};
use super::survive::guarded;
use super::{CaptureActor, Phase};

/// Sign the heads of all chains as soon as the transaction that is under way is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MakeCheckpoint;

/// What CaptureActor needs for it.
pub struct Checkpointing {
    signer: Arc<CheckpointSigner>,
    files: Files,
    /// What is known to have been signed last.
    kept: Option<Kept>,
    pub(super) parted: Option<PartedState>,
    pub(super) due: bool,
    at_work: bool,
}

enum Files {
    AtRest(Vec<CheckpointFile>),
    /// What comes meanwhile is caught up with the next time.
    Writing,
}

impl Checkpointing {
    /// Reads what this replica kept of the last signature.
    pub fn new(signer: Arc<CheckpointSigner>, place: KeptPlace) -> (Self, watch::Receiver<Parted>) {
        let mut recent = place.recent.clone().map(|path| CheckpointFile::new(path, Extent::Recent));
        let kept = recent.as_mut().and_then(CheckpointFile::read);
        if kept.is_none() {
            let path = place.recent.as_deref().map(|path| path.display().to_string());
            tracing::info!(
                path,
                "nothing is kept here of what was signed: there is nothing to compare the database with"
            );
        }
        let files = place
            .whole
            .iter()
            .map(|path| CheckpointFile::new(path.clone(), Extent::Whole))
            .chain(recent)
            .collect();
        let (parted, seen) = PartedState::new(place);
        (
            Self {
                signer,
                files: Files::AtRest(files),
                kept,
                parted: Some(parted),
                due: false,
                at_work: false,
            },
            seen,
        )
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
        let Some(checkpointing) =
            self.checkpointing.as_mut().filter(|checkpointing| checkpointing.due)
        else {
            return false;
        };
        (checkpointing.due, checkpointing.at_work) = (false, true);
        self.phase = Phase::Committing;
        let (store, signer, kept) = (
            Arc::clone(&self.store),
            Arc::clone(&checkpointing.signer),
            checkpointing.kept.clone(),
        );
        let made = async move { guarded(store.checkpoint(signer, kept)).await }.into_actor(self);
        context.spawn(made.map(|result, actor, context| {
            actor.phase = Phase::Idle;
            if let Some(checkpointing) = &mut actor.checkpointing {
                checkpointing.at_work = false;
            }
            actor.survive(context, Self::advance);
            match result {
                Ok(CheckpointResult::Made(checkpoint)) => {
                    if let Some(checkpointing) = &mut actor.checkpointing {
                        let break_hash = checkpointing.kept.take().and_then(|kept| kept.break_hash);
                        checkpointing.kept = Some(Kept {
                            number: checkpoint.number,
                            hash: checkpoint.hash,
                            break_hash,
                        });
                    }
                    actor.is_whole();
                    actor.write_checkpoint_files(context);
                }
                Ok(CheckpointResult::NothingNew) => {
                    actor.is_whole();
                    actor.write_checkpoint_files(context);
                }
                // what the other one made is kept here too
                Ok(CheckpointResult::NotLeader) => actor.write_checkpoint_files(context),
                Ok(CheckpointResult::Parted) => actor.is_parted(context),
                Err(error) => tracing::error!(%error, "no checkpoint could be made"),
            }
        }));
        true
    }

    pub(super) fn is_checkpointing(&self) -> bool {
        self.checkpointing.as_ref().is_some_and(|checkpointing| checkpointing.at_work)
    }

    fn write_checkpoint_files(&mut self, context: &mut Context<Self>) {
        let Some(checkpointing) = &mut self.checkpointing else {
            return;
        };
        let mut files = match std::mem::replace(&mut checkpointing.files, Files::Writing) {
            Files::AtRest(files) => files,
            Files::Writing => return,
        };
        let store = Arc::clone(&self.store);
        let written = async move {
            for file in &mut files {
                if let Err(error) = file.catch_up(&*store).await {
                    tracing::error!(path = %file.path().display(), %error, "checkpoint file cannot be written");
                }
            }
            files
        };
        context.spawn(written.into_actor(self).map(|mut files, actor, _| {
            let Some(checkpointing) = &mut actor.checkpointing else { return };
            // what was signed while the files were written is newer than they are
            if let Some(kept) = files
                .iter_mut()
                .rfind(|file| file.extent() == Extent::Recent)
                .and_then(CheckpointFile::read)
                && checkpointing.kept.as_ref().is_none_or(|known| {
                    known.number <= kept.number || known.break_hash != kept.break_hash
                })
            {
                checkpointing.kept = Some(kept);
            }
            checkpointing.files = Files::AtRest(files);
        }));
    }
}
