//! What the machine replies, and whether that is true at this moment.

use ainfera_actors::capture::machine::Reply;
use ainfera_schema::RequestId;
use ainfera_store::Verdict;

use crate::model_store::Kept;
use crate::owner::{Extension, ProviderEvent, Stage, Ticket};
use crate::world::{Standing, World};

impl World {
    pub fn replied(&mut self, replica: usize, ticket: Ticket, reply: Reply) {
        assert!(
            self.tickets.remove(&(replica, ticket)),
            "{ticket:?} is replied to without being asked: {reply:?}"
        );
        match (ticket, reply) {
            (Ticket::Admission(call), Reply::Admission(result)) => {
                let heard = match &result {
                    Ok(Verdict::Admitted | Verdict::AdmittedForLess(_)) => ProviderEvent::Admitted,
                    Ok(Verdict::Refused(_)) => ProviderEvent::Refused,
                    Ok(Verdict::Duplicate(_)) => ProviderEvent::Duplicate,
                    Err(error) => ProviderEvent::from(error),
                };
                self.check_admission(call, heard);
                if let Stage::Waiting(heard_before) = &mut self.owners[call].stage {
                    *heard_before = Some(heard);
                }
            }
            (Ticket::Rejection(call), Reply::Rejection(result)) => {
                let kept = self
                    .store
                    .database
                    .rows
                    .get(&self.owners[call].request_id())
                    .map(|row| row.kept);
                let is_lost = self.lost.contains_key(&self.owners[call].request_id());
                assert!(
                    result.is_err() || is_lost || kept == Some(Kept::Rejected),
                    "a rejection has no row"
                );
                self.totals.rejected += u64::from(result.is_ok());
                self.owners[call].acknowledged = result.is_ok();
                self.owners[call].stage = Stage::Over;
            }
            (Ticket::Extension(call), Reply::Extension(_)) => {
                self.owners[call].extension = Extension::Answered
            }
            (Ticket::Record(call), Reply::Durable) => {
                let request_id = self.owners[call].request_id();
                let is_durable = self.store.ever_closed.contains(&request_id)
                    || self.ever_spooled.contains(&request_id);
                assert!(is_durable, "{request_id} was said to be durable");
                self.totals.acknowledged += 1;
                self.owners[call].acknowledged = true;
                self.owners[call].stage = Stage::Over;
            }
            (Ticket::Record(call), Reply::NeverDurable) => {
                let request_id = self.owners[call].request_id();
                assert!(
                    !self.store.poison_records.contains(&request_id)
                        || !self.store.ever_open.contains(&request_id)
                        || self.is_kept_elsewhere(request_id),
                    "the permit of {request_id} is home, and its record is kept nowhere"
                );
                self.owners[call].quarantined = true;
                self.owners[call].stage = Stage::Over;
            }
            (Ticket::Settle(_), Reply::Settled) => self.totals.settled += 1,
            (Ticket::Start, Reply::Started(Ok(started))) => {
                self.totals.replayed += started.replayed;
                self.totals.reaped += started.lost;
                self.replicas[replica].standing = Standing::Serving;
            }
            (Ticket::Start, Reply::Started(Err(_))) => self.kill(replica),
            (ticket, reply) => panic!("{ticket:?} got {reply:?}"),
        }
    }

    fn check_admission(&self, call: usize, heard: ProviderEvent) {
        let request_id = self.owners[call].request_id();
        let was_open = self.store.ever_open.contains(&request_id);
        let kept = self.store.database.rows.get(&request_id).map(|row| row.kept);
        match heard {
            ProviderEvent::Admitted => assert!(was_open, "let in without an intent"),
            ProviderEvent::Refused => {
                assert!(kept.is_none_or(|kept| kept == Kept::Refused), "refused, but {kept:?}")
            }
            ProviderEvent::Duplicate => assert!(!was_open, "a duplicate was kept"),
            ProviderEvent::NotIn => assert!(!was_open, "a call that was turned away was kept"),
            ProviderEvent::InDoubt => {}
        }
    }

    /// Whether a refused record is in quarantine, or in a file beside a spool.
    fn is_kept_elsewhere(&self, request_id: RequestId) -> bool {
        let mut files = self.replicas.iter().map(|replica| &replica.refused);
        self.store.quarantine.contains(&request_id) || files.any(|file| file.contains(&request_id))
    }
}
