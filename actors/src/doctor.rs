//! DoctorActor: asks from time to time, by way of ReaderActor, whether what was written since keeps
//! what it promises, what is open too, and a few accounts in turn, and shows the answer to
//! `/metrics`. All rows are for `ainfera doctor`. It only reads and tells nobody: what is found is
//! for a person. It ends when nobody can see any more what it finds.

use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message, WrapFuture,
};
use ainfera_store::invariants::{DIRECT_CALL_HAS_NO_OUTCOME, InvariantClass};
use ainfera_store::{Invariant, StoreError, Watermark};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::counters::Counters;
use crate::reader::{ReaderActor, ask};

/// What the last look found.
#[derive(Debug, Clone, Default)]
pub struct Checkup {
    /// None before the first look, and for ever where there is none.
    pub checked_at: Option<Timestamp>,
    pub invariants: Vec<Invariant>,
}

/// See the module. It lives on the main arbiter.
pub struct DoctorActor {
    reader: Addr<ReaderActor>,
    every: Duration,
    longest_call: Duration,
    counters: Arc<Counters>,
    found: watch::Sender<Checkup>,
    look: Look,
    /// A start begins about now: what was before is for `ainfera doctor`.
    mark: Watermark,
}

/// One at a time, however long it takes.
#[derive(PartialEq, Eq)]
enum Look {
    Idle,
    UnderWay,
}

impl DoctorActor {
    /// `longest_call` is how long a call may be open here.
    pub fn new(
        reader: Addr<ReaderActor>,
        every: Duration,
        longest_call: Duration,
        counters: Arc<Counters>,
    ) -> (Self, watch::Receiver<Checkup>) {
        let (found, seen) = watch::channel(Checkup::default());
        (
            Self {
                reader,
                every,
                longest_call,
                counters,
                found,
                look: Look::Idle,
                mark: Watermark::default(),
            },
            seen,
        )
    }

    fn check(&mut self, context: &mut Context<Self>) {
        if self.look == Look::UnderWay {
            return;
        }
        self.look = Look::UnderWay;
        let looked = look(self.reader.clone(), self.mark.clone(), self.longest_call);
        context.spawn(looked.into_actor(self).map(|answer, actor, _| {
            actor.look = Look::Idle;
            actor.took(answer);
        }));
    }

    fn took(&mut self, answer: Result<(Vec<Invariant>, Watermark), StoreError>) {
        let (looked_at, mark) = match answer {
            Ok(answer) => answer,
            Err(error) => return tracing::warn!(%error, "invariants cannot be checked"),
        };
        self.mark = mark;
        for broken in looked_at.iter().filter(|invariant| !invariant.holds) {
            tracing::error!(name = broken.name, detail = broken.detail, "invariant is broken");
            if broken.name == DIRECT_CALL_HAS_NO_OUTCOME {
                self.counters.passthrough_with_capture.raise_to(broken.broken.unsigned_abs());
            }
        }
        let invariants = remembered(&self.found.borrow().invariants, looked_at);
        self.found.send_replace(Checkup { checked_at: Some(Timestamp::now()), invariants });
    }
}

/// Slice by slice until there is nothing more. It rests for as long as a slice took, so that it
/// takes at most half of a database's time.
async fn look(
    reader: Addr<ReaderActor>,
    mut mark: Watermark,
    longest_call: Duration,
) -> Result<(Vec<Invariant>, Watermark), StoreError> {
    let mut found: Vec<Invariant> = Vec::new();
    loop {
        let (began, from) = (Instant::now(), mark);
        let slice = ask(&reader, move |store| {
            Box::pin(async move { store.recent_invariants(from, longest_call).await })
        })
        .await?;
        for invariant in slice.invariants {
            match found.iter_mut().find(|known| known.name == invariant.name) {
                Some(_) if invariant.holds => {}
                Some(known) => {
                    *known = Invariant { broken: known.broken + invariant.broken, ..invariant }
                }
                None => found.push(invariant),
            }
        }
        mark = slice.next;
        if !slice.more {
            return Ok((found, mark));
        }
        tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
    }
}

/// The longest rest between two slices.
const LONGEST_REST: Duration = Duration::from_millis(100);

/// What is found once is not looked at again, so it stays broken until the next start. Of what is
/// open all is looked at each time.
fn remembered(before: &[Invariant], mut looked_at: Vec<Invariant>) -> Vec<Invariant> {
    for invariant in looked_at
        .iter_mut()
        .filter(|invariant| invariant.holds && invariant.class != InvariantClass::Intents)
    {
        if let Some(known) =
            before.iter().find(|known| known.name == invariant.name && !known.holds)
        {
            *invariant = known.clone();
        }
    }
    looked_at
}

/// How long a call may be open from now on: an operator changed the deadlines.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CallsMayTake(pub Duration);

impl Handler<CallsMayTake> for DoctorActor {
    type Result = ();

    /// Calls that began under longer deadlines may still be open, so it never becomes shorter.
    fn handle(&mut self, longest: CallsMayTake, _: &mut Context<Self>) {
        self.longest_call = self.longest_call.max(longest.0);
    }
}

impl Actor for DoctorActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.check(context);
        context.run_interval(self.every, Self::check);
        let found = self.found.clone();
        context.spawn(
            async move { found.closed().await }
                .into_actor(self)
                .map(|(), _, context| context.stop()),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(broken: i64) -> (Vec<Invariant>, Watermark) {
        let class = InvariantClass::Outcomes;
        let invariant = Invariant {
            name: DIRECT_CALL_HAS_NO_OUTCOME,
            class,
            holds: broken == 0,
            broken,
            detail: String::new(),
        };
        (vec![invariant], Watermark::default())
    }

    #[test]
    fn a_look_that_fails_leaves_what_the_last_one_found() {
        actix::System::new().block_on(async {
            let store = ainfera_store::open("sqlite://:memory:").await.unwrap();
            let counters = Arc::new(Counters::default());
            let every = Duration::from_secs(60);
            let (mut doctor, seen) = DoctorActor::new(
                ReaderActor::new(store).start(),
                every,
                every,
                Arc::clone(&counters),
            );
            doctor.took(Err(StoreError::Unavailable("away".to_owned())));
            assert_eq!(seen.borrow().checked_at, None);
            for (broken, counted, shown) in [(0, 0, 0), (3, 3, 3), (1, 3, 1), (0, 3, 1)] {
                doctor.took(Ok(found(broken)));
                assert_eq!(
                    counters.passthrough_with_capture.value(),
                    counted,
                    "a counter never goes back"
                );
                let checked_at = seen.borrow().checked_at;
                doctor.took(Err(StoreError::Unavailable("away".to_owned())));
                assert!(checked_at.is_some() && seen.borrow().checked_at == checked_at);
                assert_eq!(
                    seen.borrow().invariants,
                    found(shown).0,
                    "what was found once is not looked at again, and stays broken"
                );
            }
        });
    }

    #[test]
    fn it_looks_at_once_and_again_for_as_long_as_its_reports_are_read() {
        actix::System::new().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = ainfera_store::open(&format!(
                "sqlite://{}",
                folder.path().join("doctor.db").display()
            ))
            .await
            .unwrap();
            store.migrate().await.unwrap();
            let every = Duration::from_millis(1);
            let (doctor, mut seen) =
                DoctorActor::new(ReaderActor::new(store).start(), every, every, Arc::default());
            let doctor = doctor.start();
            for _ in 0..3 {
                seen.changed().await.unwrap();
                let checkup = seen.borrow_and_update().clone();
                assert!(checkup.checked_at.is_some() && checkup.invariants.len() > 10);
                assert!(checkup.invariants.iter().all(|invariant| invariant.holds));
            }
            drop(seen);
            let ended = async {
                while doctor.connected() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(10), ended)
                .await
                .expect("it ends when nobody sees what it finds");
        });
    }
}
