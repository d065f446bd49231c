//! ReplicaActor: says that this process lives, has what silent replicas left open closed, and ends
//! this one when it was given up itself.
//!
//! It lives on the main arbiter beside CaptureActor, which alone writes. It beats until the process
//! ends, drain included: a draining replica lives.

use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, WrapFuture};
use ainfera_schema::{BootId, Deadlines};
use ainfera_store::Heartbeat;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::capture::CaptureActor;
use crate::capture::lease::{Beat, Reap};
use crate::gate::Gate;

/// See the module.
pub struct ReplicaActor {
    boot_id: BootId,
    heartbeat: Duration,
    lease: Duration,
    capture: Addr<CaptureActor>,
    gate: Gate,
    standing: watch::Sender<Heartbeat>,
}

impl ReplicaActor {
    /// Also returns how this process stands: whoever waits for it to be fenced ends the process.
    pub fn new(
        boot_id: BootId,
        deadlines: &Deadlines,
        capture: Addr<CaptureActor>,
        gate: Gate,
    ) -> (Self, watch::Receiver<Heartbeat>) {
        let (standing, watched) = watch::channel(Heartbeat::Alive);
        (
            Self {
                boot_id,
                heartbeat: deadlines.heartbeat,
                lease: deadlines.lease,
                capture,
                gate,
                standing,
            },
            watched,
        )
    }
}

impl Actor for ReplicaActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let (boot_id, lease, capture, gate) =
            (self.boot_id, self.lease, self.capture.clone(), self.gate.clone());
        let standing = self.standing.clone();
        let mut seniority = Seniority::new(lease, self.heartbeat);
        let mut beats = tokio::time::interval(self.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let beating = async move {
            loop {
                beats.tick().await;
                match capture.send(Beat { boot_id }).await {
                    Ok(Ok(Heartbeat::Alive)) => {
                        if seniority.answered(Instant::now()) == Standing::MayReap {
                            capture.do_send(Reap { boot_id, lease });
                        }
                    }
                    Ok(Ok(Heartbeat::Fenced)) => break,
                    Ok(Err(error)) => {
                        seniority.unanswered();
                        tracing::warn!(%error, "heartbeat failed");
                    }
                    // capture is gone, and with it the gateway
                    Err(_) => return,
                }
            }
            tracing::error!(%boot_id, "this replica was given up by another: no new calls, the process ends when its streams do");
            gate.close();
            standing.send_replace(Heartbeat::Fenced);
        };
        context.spawn(beating.into_actor(self));
    }
}

/// Whether others may be given up. After an outage of the database every replica's heartbeat is
/// old: whoever comes back first must give the others time to show that they live too. So only a
/// replica that has been heard for a whole lease without a gap may judge.
#[derive(Debug)]
struct Seniority {
    lease: Duration,
    longest_gap: Duration,
    heard: Option<Heard>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    since: Instant,
    last: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    MayReap,
    TooYoung,
}

impl Seniority {
    fn new(lease: Duration, heartbeat: Duration) -> Self {
        Self { lease, longest_gap: lease.saturating_sub(heartbeat), heard: None }
    }

    fn answered(&mut self, now: Instant) -> Standing {
        let since = match self.heard {
            Some(heard) if now.duration_since(heard.last) <= self.longest_gap => heard.since,
            Some(_) | None => now,
        };
        self.heard = Some(Heard { since, last: now });
        if now.duration_since(since) >= self.lease { Standing::MayReap } else { Standing::TooYoung }
    }

    fn unanswered(&mut self) {
        self.heard = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(
        seniority: &mut Seniority,
        start: Instant,
        seconds: impl IntoIterator<Item = u64>,
    ) -> Vec<Standing> {
        seconds
            .into_iter()
            .map(|second| seniority.answered(start + Duration::from_secs(second)))
            .collect()
    }

    #[test]
    fn only_who_was_heard_for_a_whole_lease_may_judge() {
        let start = Instant::now();
        let mut seniority = Seniority::new(Duration::from_secs(30), Duration::from_secs(5));
        let young = after(&mut seniority, start, (0..30).step_by(5));
        assert!(young.iter().all(|standing| *standing == Standing::TooYoung));
        assert_eq!(after(&mut seniority, start, [30, 35]), [Standing::MayReap; 2]);
    }

    #[test]
    fn an_outage_and_a_long_sleep_begin_the_count_anew() {
        let start = Instant::now();
        let mut seniority = Seniority::new(Duration::from_secs(30), Duration::from_secs(5));
        after(&mut seniority, start, (0..=30).step_by(5));
        seniority.unanswered();
        assert_eq!(
            after(&mut seniority, start, [35, 50, 64, 65]),
            [Standing::TooYoung, Standing::TooYoung, Standing::TooYoung, Standing::MayReap]
        );
        // asleep for 26 s: another one may have been, too
        assert_eq!(
            after(&mut seniority, start, [91, 110, 121]),
            [Standing::TooYoung, Standing::TooYoung, Standing::MayReap]
        );
    }
}
