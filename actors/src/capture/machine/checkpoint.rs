//! Checkpoints between two batches, and the reaper beside them.

use std::time::Duration;

use ainfera_schema::BootId;
use ainfera_store::{CheckpointResult, StoreError};

use super::effect::{Effect, Effects};
use super::log_event::LogEvent;
use super::{CaptureMachine, Phase, Reaper};

/// Which of the steps of a checkpoint are due or under way.
#[derive(Debug, Clone, Hash)]
pub(super) struct Checkpointing {
    files: CheckpointFiles,
    step: Step,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Step {
    Rest,
    Due,
    AtWork,
    /// Another one is due while this one is at work.
    AtWorkAndDue,
}

/// The files outside of the database, which are written while batches go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckpointFiles {
    None,
    AtRest,
    /// What comes meanwhile is caught up with the next time.
    Writing,
}

impl Checkpointing {
    pub(super) fn new(files: CheckpointFiles) -> Self {
        Self { files, step: Step::Rest }
    }
}

impl<T> CaptureMachine<T> {
    pub(super) fn checkpoint_due(&mut self, effects: &mut Effects<T>) {
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.step = match checkpointing.step {
                Step::Rest | Step::Due => Step::Due,
                Step::AtWork | Step::AtWorkAndDue => Step::AtWorkAndDue,
            };
        }
        self.advance(effects);
    }

    /// Starts a checkpoint if one is due. The caller knows that nothing is under way.
    pub(super) fn begin_checkpoint(&mut self, effects: &mut Effects<T>) -> bool {
        let is_due = |checkpointing: &&mut Checkpointing| checkpointing.step == Step::Due;
        let Some(checkpointing) = self.checkpointing.as_mut().filter(is_due) else { return false };
        checkpointing.step = Step::AtWork;
        self.phase = Phase::Committing;
        effects.push(Effect::Checkpoint);
        true
    }

    pub(super) fn is_checkpointing(&self) -> bool {
        let step = self.checkpointing.as_ref().map(|checkpointing| checkpointing.step);
        matches!(step, Some(Step::AtWork | Step::AtWorkAndDue))
    }

    pub(super) fn checkpointed(
        &mut self,
        result: Result<CheckpointResult, StoreError>,
        effects: &mut Effects<T>,
    ) {
        let Some(checkpointing) = &mut self.checkpointing else { return };
        let is_due = checkpointing.step == Step::AtWorkAndDue;
        checkpointing.step = if is_due { Step::Due } else { Step::Rest };
        match &result {
            Ok(CheckpointResult::Made(_) | CheckpointResult::NothingNew) => {
                effects.push(Effect::AuditIsWhole);
            }
            // what the other one made is kept here too
            Ok(CheckpointResult::NotLeader) => {}
            Ok(CheckpointResult::Parted) => effects.push(Effect::AuditIsParted),
            Err(error) => {
                let error = error.to_string();
                effects.push(Effect::Log(LogEvent::CheckpointFailed { error }));
            }
        }
        let is_to_write = matches!(&result, Ok(result) if *result != CheckpointResult::Parted);
        if is_to_write && checkpointing.files == CheckpointFiles::AtRest {
            checkpointing.files = CheckpointFiles::Writing;
            effects.push(Effect::WriteCheckpointFiles);
        }
        self.phase = Phase::Idle;
        self.advance(effects);
    }

    pub(super) fn checkpoint_files_written(&mut self) {
        if let Some(checkpointing) = &mut self.checkpointing {
            checkpointing.files = CheckpointFiles::AtRest;
        }
    }

    /// Ignored while the one before it is at work.
    pub(super) fn reap_due(&mut self, boot_id: BootId, lease: Duration, effects: &mut Effects<T>) {
        if self.reaper == Reaper::Idle {
            self.reaper = Reaper::AtWork;
            effects.push(Effect::Reap { boot_id, lease });
        }
    }

    pub(super) fn reaped(&mut self, result: Result<u64, StoreError>, effects: &mut Effects<T>) {
        self.reaper = Reaper::Idle;
        match result {
            Ok(0) => {}
            Ok(lost) => effects.push(Effect::Log(LogEvent::Reaped { lost })),
            Err(error) => {
                effects.push(Effect::Log(LogEvent::ReapFailed { error: error.to_string() }))
            }
        }
    }
}
