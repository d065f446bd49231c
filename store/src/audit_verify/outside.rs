//! Checkpoints that were kept outside of what is verified, held against those inside. A file that
//! is added to goes on after a restore with lower numbers than it had; what it had of the other
//! branch is noted, and at the end held against the breaks that were declared.

use std::iter::Peekable;

use ainfera_schema::audit_break::AuditBreak;
use ainfera_schema::checkpoint::{Checkpoint, CheckpointFault};

use super::TamperClass;

/// Checkpoints from a file outside of what is verified, in order.
pub type Outside = Box<dyn Iterator<Item = Checkpoint>>;

/// Linked checkpoints that are outside and not inside.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Lost {
    record: u64,
    class: TamperClass,
    first_number: i64,
    last_number: i64,
    last_hash: String,
}

impl Lost {
    fn is_named_by(&self, declared: &AuditBreak) -> bool {
        let newest_is_theirs = self.last_number < declared.parting.lost_number
            || self.last_hash == declared.parting.lost_hash;
        declared.names(self.first_number) && declared.names(self.last_number) && newest_is_theirs
    }
}

/// One file outside.
pub struct OutsideLog {
    rest: Peekable<Outside>,
    lost: Vec<Lost>,
}

impl OutsideLog {
    pub fn new(outside: Outside) -> Self {
        Self { rest: outside.peekable(), lost: Vec::new() }
    }

    /// Holds the next checkpoint inside, which stands at `record`, against those outside. What is
    /// missing outside proves nothing: the file may have been started later.
    pub fn compare(
        &mut self,
        checkpoint: &Checkpoint,
        record: u64,
        trusted: &[String],
    ) -> Result<(), CheckpointFault> {
        loop {
            while self.rest.next_if(|other| other.number < checkpoint.number).is_some() {}
            let Some(other) = self.rest.next_if(|other| other.number == checkpoint.number) else {
                return Ok(());
            };
            if other.hash == checkpoint.hash {
                return Ok(());
            }
            self.lose(other, record, TamperClass::Fork, trusted)?;
        }
    }

    /// The last checkpoint inside had this number. Returns what is outside only and no break names.
    pub fn finish(
        mut self,
        last_number: i64,
        record: u64,
        trusted: &[String],
        breaks: &[AuditBreak],
    ) -> Result<Option<(u64, TamperClass)>, CheckpointFault> {
        while let Some(other) = self.rest.next() {
            if other.number > last_number {
                self.lose(other, record, TamperClass::Truncated, trusted)?;
            }
        }
        let hidden =
            self.lost.iter().find(|lost| !breaks.iter().any(|declared| lost.is_named_by(declared)));
        Ok(hidden.map(|lost| (lost.record, lost.class)))
    }

    /// Notes `first` and whatever is linked to it.
    fn lose(
        &mut self,
        first: Checkpoint,
        record: u64,
        class: TamperClass,
        trusted: &[String],
    ) -> Result<(), CheckpointFault> {
        first.check(trusted)?;
        let first_number = first.number;
        let mut last = first;
        while let Some(next) = self.rest.next_if(|next| {
            next.number == last.number + 1 && next.previous_hash.as_ref() == Some(&last.hash)
        }) {
            next.check(trusted)?;
            last = next;
        }
        self.lost.push(Lost {
            record,
            class,
            first_number,
            last_number: last.number,
            last_hash: last.hash,
        });
        Ok(())
    }
}
