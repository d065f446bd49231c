//! Checkpoints between two batches. The file outside of the database is written afterwards, when
//! batches go on already.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use ainfera_schema::checkpoint::CheckpointSigner;
use ainfera_store::{CheckpointResult, Kept};
use tokio::sync::watch;

use super::CaptureActor;
use super::catch_panic::guarded;
use super::checkpoint_file::{CheckpointFile, Extent};
use super::machine::{CheckpointFiles, Input};
use super::parting::{KeptPlace, Parted, PartedState};

/// Sign the heads of all chains as soon as the transaction that is under way is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct MakeCheckpoint;

/// What CaptureActor needs for it.
pub struct Checkpointing {
    signer: Arc<CheckpointSigner>,
    /// None while they are written.
    files: Option<Vec<CheckpointFile>>,
    /// What is known to have been signed last.
    kept: Option<Kept>,
    pub(super) parted: Option<PartedState>,
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
        (Self { signer, files: Some(files), kept, parted: Some(parted) }, seen)
    }
}

impl Handler<MakeCheckpoint> for CaptureActor {
    type Result = ();

    fn handle(&mut self, _: MakeCheckpoint, context: &mut Self::Context) {
        self.on(Input::CheckpointDue, context);
    }
}

impl CaptureActor {
    /// With this, the heads of all chains are signed.
    #[must_use]
    pub fn checkpointing(mut self, checkpointing: Option<Checkpointing>) -> Self {
        if checkpointing.is_some() {
            self.machine.use_checkpoints(CheckpointFiles::AtRest);
        }
        self.checkpointing = checkpointing;
        self
    }

    pub(super) fn make_checkpoint(&self, context: &mut Context<Self>) {
        let Some(checkpointing) = &self.checkpointing else { return };
        let (store, signer) = (Arc::clone(&self.store), Arc::clone(&checkpointing.signer));
        let kept = checkpointing.kept.clone();
        let made = guarded(async move { store.checkpoint(signer, kept).await }).into_actor(self);
        context.spawn(made.map(|result, actor, context| {
            if let (Ok(CheckpointResult::Made(made)), Some(checkpointing)) =
                (&result, &mut actor.checkpointing)
            {
                let break_hash = checkpointing.kept.take().and_then(|kept| kept.break_hash);
                let (number, hash) = (made.number, made.hash.clone());
                checkpointing.kept = Some(Kept { number, hash, break_hash });
            }
            actor.on(Input::Checkpointed(result), context);
        }));
    }

    pub(super) fn write_checkpoint_files(&mut self, context: &mut Context<Self>) {
        let checkpointing = self.checkpointing.as_mut();
        let files = checkpointing.and_then(|checkpointing| checkpointing.files.take());
        let Some(mut files) = files else { return };
        let store = Arc::clone(&self.store);
        let written = async move {
            for file in &mut files {
                if let Err(error) = file.catch_up(&*store).await {
                    let path = file.path().display();
                    tracing::error!(%path, %error, "checkpoint file cannot be written");
                }
            }
            files
        };
        context.spawn(written.into_actor(self).map(|mut files, actor, context| {
            if let Some(checkpointing) = &mut actor.checkpointing {
                checkpointing.learn_from(&mut files);
                checkpointing.files = Some(files);
            }
            actor.on(Input::CheckpointFilesWritten, context);
        }));
    }
}

impl Checkpointing {
    /// What was signed while the files were written is newer than they are.
    fn learn_from(&mut self, files: &mut [CheckpointFile]) {
        let mut recent = files.iter_mut().rev();
        let recent = recent.find(|file| file.extent() == Extent::Recent);
        let Some(kept) = recent.and_then(CheckpointFile::read) else { return };
        let is_newer =
            |known: &Kept| known.number <= kept.number || known.break_hash != kept.break_hash;
        if self.kept.as_ref().is_none_or(is_newer) {
            self.kept = Some(kept);
        }
    }
}
