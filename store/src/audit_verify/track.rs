//! How one numbered, linked sequence goes on: in order, or with a doubt that what follows will
//! settle. Events of a chain and checkpoints are both such.

use super::TamperClass;

/// The end of a sequence, and what is doubtful about it.
#[derive(Debug, Clone, Default)]
pub struct Track {
    pub seq: i64,
    pub hash: String,
    /// What the last one says that it follows.
    previous: Option<String>,
    doubt: Doubt,
}

/// Where a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It goes on from the one before, at least by its number.
    Next,
    Other,
    /// The class is certain. The number is that of the record where it began.
    Found(u64, TamperClass),
}

#[derive(Debug, Clone, Default)]
enum Doubt {
    #[default]
    None,
    /// Numbers were left out. Should they come after all, they were moved, unless the one that came
    /// too early comes again.
    Gap {
        record: u64,
        from: i64,
        to: i64,
        filled: i64,
        opener: i64,
    },
    /// The last one does not follow what came before it. Should its number come again, it was put
    /// in; if not, what came before it was altered.
    BrokenLink {
        record: u64,
    },
    Settled,
}

impl Track {
    pub fn is_doubtful(&self) -> bool {
        !matches!(self.doubt, Doubt::None)
    }

    /// Takes the next link. What it says after `Found` means nothing.
    pub fn take(&mut self, record: u64, seq: i64, previous: Option<&str>, hash: &str) -> Place {
        let due = (self.seq > 0).then_some(self.hash.as_str());
        match &mut self.doubt {
            Doubt::None if seq == self.seq + 1 => {
                if previous != due {
                    self.doubt = Doubt::BrokenLink { record };
                }
                self.advance(seq, previous, hash);
                Place::Next
            }
            Doubt::None if seq > self.seq + 1 => {
                self.doubt =
                    Doubt::Gap { record, from: self.seq + 1, to: seq - 1, filled: 0, opener: seq };
                self.advance(seq, previous, hash);
                Place::Other
            }
            // both follow the same one, and each is something else
            Doubt::None
                if seq == self.seq && hash != self.hash && previous == self.previous.as_deref() =>
            {
                self.settle(record, TamperClass::Fork)
            }
            Doubt::None => self.settle(record, TamperClass::Inserted),
            Doubt::BrokenLink { record } => {
                let record = *record;
                let class =
                    if seq == self.seq { TamperClass::Inserted } else { TamperClass::Mutated };
                self.settle(record, class)
            }
            Doubt::Gap { record, from, to, filled, opener } => {
                let complete = *filled == *to - *from + 1;
                let record = *record;
                if complete {
                    let class =
                        if seq == *opener { TamperClass::Inserted } else { TamperClass::Reordered };
                    return self.settle(record, class);
                }
                if (*from..=*to).contains(&seq) {
                    *filled += 1;
                    return Place::Other;
                }
                if seq == self.seq + 1 {
                    self.advance(seq, previous, hash);
                    return Place::Next;
                }
                if seq <= self.seq {
                    return self.settle(record, TamperClass::Inserted);
                }
                Place::Other
            }
            Doubt::Settled => {
                if seq == self.seq + 1 {
                    self.advance(seq, previous, hash);
                    return Place::Next;
                }
                Place::Other
            }
        }
    }

    /// Settles what is still doubtful when nothing more comes.
    pub fn finish(&mut self) -> Option<(u64, TamperClass)> {
        match self.doubt {
            Doubt::Gap { record, filled: 0, .. } => Some((record, TamperClass::Deleted)),
            Doubt::Gap { record, .. } => Some((record, TamperClass::Reordered)),
            Doubt::BrokenLink { record } => Some((record, TamperClass::Mutated)),
            Doubt::None | Doubt::Settled => None,
        }
    }

    fn settle(&mut self, record: u64, class: TamperClass) -> Place {
        self.doubt = Doubt::Settled;
        Place::Found(record, class)
    }

    fn advance(&mut self, seq: i64, previous: Option<&str>, hash: &str) {
        self.seq = seq;
        self.previous = previous.map(str::to_owned);
        self.hash.clear();
        self.hash.push_str(hash);
    }
}
