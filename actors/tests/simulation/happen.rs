//! What was begun happens: a transaction at the store, a write of a file.

use ainfera_actors::capture::machine::{FileWrite, Input, Lane};
use ainfera_actors::capture::spool::decode;
use ainfera_schema::RequestId;
use ainfera_store::{CheckpointResult, StoreError};

use crate::model_store::{Answer, Fault};
use crate::world::{Pending, Takeover, World};

impl World {
    pub fn happen(&mut self, replica: usize, place: usize, fault: Fault) {
        let pending = self.replicas[replica].pending.remove(place);
        let budget = match pending {
            Pending::Append(_) => &mut self.budget.spool_faults,
            Pending::Quarantine(_) | Pending::OfferRefusedRecords | Pending::FinishReplay(_) => {
                &mut self.budget.quarantine_faults
            }
            _ => &mut self.budget.faults,
        };
        *budget -= u32::from(fault != Fault::None && fault != Fault::LockIsGone);
        let unavailable = || StoreError::Unavailable("connection lost".to_owned());
        match pending {
            Pending::Commit { lane, rows } => {
                let now = self.server_changes(replica);
                let answer = match rows.server_changes {
                    Some(meant) if meant != now => Answer::AnotherServer,
                    _ => self.store.capture(&rows, fault),
                };
                self.note_what_is_back();
                self.count_answer(&answer, fault);
                self.replicas[replica].pending.push(Pending::Answer { lane, answer });
            }
            Pending::Answer { lane, answer } => self.answer(replica, lane, answer),
            Pending::Append(lines) if fault == Fault::None => {
                self.totals.spooled += 1;
                let closings = decode(&lines).closings;
                self.ever_spooled.extend(closings.iter().map(|closing| closing.outcome.request_id));
                self.replicas[replica].spool.extend(lines);
                self.tell(replica, Input::SpoolAppended(FileWrite::Durable));
            }
            Pending::Append(_) => {
                self.tell(replica, Input::SpoolAppended(FileWrite::Failed("disk full".to_owned())))
            }
            Pending::Clear => {
                self.replicas[replica].spool.clear();
                self.tell(replica, Input::SpoolCleared);
            }
            Pending::Quarantine(request_id) => {
                self.keep_elsewhere(replica, [request_id], fault);
                if fault == Fault::None {
                    self.store.give_up([request_id]);
                }
                self.tell(replica, Input::Quarantined { request_id });
            }
            Pending::OfferRefusedRecords => {
                let refused = std::mem::take(&mut self.replicas[replica].refused);
                self.keep_elsewhere(replica, refused, fault);
                self.tell(replica, Input::RefusedRecordsOffered(Ok(())));
            }
            Pending::Checkpoint => {
                self.totals.checkpoints += 1;
                self.tell(replica, Input::Checkpointed(Ok(CheckpointResult::NothingNew)));
            }
            Pending::ReadSpool(spool) => {
                let result = Ok(decode(&self.replicas[replica].spool));
                self.tell(replica, Input::SpoolRead { spool, result });
            }
            Pending::FinishReplay(refused) => {
                self.keep_elsewhere(replica, refused, fault);
                self.replicas[replica].spool.clear();
                self.tell(replica, Input::SpoolReplayed(Ok(())));
            }
            Pending::BeginBoot(boot_id) if fault == Fault::None => {
                let lost = self.store.begin_boot(boot_id, replica);
                self.tell(replica, Input::BootBegun(Ok(lost)));
            }
            Pending::BeginBoot(_) => self.tell(replica, Input::BootBegun(Err(unavailable()))),
        }
    }

    /// In quarantine, or where that fails in the file beside the spool.
    fn keep_elsewhere(
        &mut self,
        replica: usize,
        refused: impl IntoIterator<Item = RequestId>,
        fault: Fault,
    ) {
        for request_id in refused {
            if fault == Fault::BeforeCommit {
                self.totals.quarantine_failures += 1;
                self.replicas[replica].refused.insert(request_id);
            } else {
                self.totals.quarantined += 1;
                self.store.quarantine.insert(request_id);
            }
        }
    }

    fn count_answer(&mut self, answer: &Answer, fault: Fault) {
        match answer {
            Answer::Committed(_) => {}
            Answer::Unavailable | Answer::NotWritable => self.totals.store_failures += 1,
            Answer::Refused => self.totals.poisoned += 1,
            Answer::AnotherServer => self.totals.met_another_server += 1,
            Answer::Locked(_) => self.totals.found_locked += 1,
        }
        self.totals.in_doubt += u64::from(fault == Fault::AfterCommit);
    }

    fn answer(&mut self, replica: usize, lane: Lane, answer: Answer) {
        let changes = self.server_changes(replica);
        let server = (self.takeover == Takeover::Possible).then_some(changes);
        let error = match answer {
            Answer::Committed(reply) => {
                return self.tell(replica, Input::Committed { lane, reply, server });
            }
            Answer::Unavailable => StoreError::Unavailable("connection lost".to_owned()),
            Answer::NotWritable => StoreError::NotWritable("disk full".to_owned()),
            Answer::Refused => StoreError::Statement("constraint".to_owned()),
            Answer::Locked(agents) => StoreError::Locked { agents },
            Answer::AnotherServer => StoreError::AnotherServer,
        };
        self.tell(replica, Input::Failed { lane, error, server });
    }
}
