//! Load: clients that call one after the other for as long as they may, and note what they saw.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::driver::{Line, Reusable, Sighting, request};
use crate::process::{Whereabouts, pause};
use crate::random::Random;
use crate::support::gateway::{native, routed, streamed};

pub struct Load {
    pub whereabouts: Whereabouts,
    key: String,
    stop: Cell<bool>,
    pub sightings: RefCell<Vec<Sighting>>,
}

impl Load {
    pub fn new(key: &str) -> Self {
        Self {
            whereabouts: Whereabouts::default(),
            key: key.to_owned(),
            stop: Cell::new(false),
            sightings: RefCell::default(),
        }
    }

    /// No new calls: `run` returns when the last one is over.
    pub fn stop(&self) {
        self.stop.set(true);
    }

    /// So many clients at once.
    pub async fn run(&self, clients: usize, seed: u64) {
        join_all((0..clients).map(|client| self.client(Random::new(seed + client as u64)))).await;
    }

    async fn client(&self, mut random: Random) {
        let mut line: Option<Line> = None;
        while !self.stop.get() {
            let Some(address) = self.whereabouts.get() else {
                line = None;
                pause(5).await;
                continue;
            };
            if line.is_none() {
                line = Line::open(address).await.ok();
            }
            let Some(open) = line.as_mut() else {
                pause(5).await;
                continue;
            };
            let (body, patience) = mixed(&mut random);
            let (sighting, reusable) = open.call(&request(&self.key, &body), patience).await;
            let refused = sighting.status() == 503;
            self.sightings.borrow_mut().push(sighting);
            if reusable == Reusable::No {
                line = None;
            }
            if refused {
                pause(20).await;
            }
        }
    }
}

/// One of what clients ask, and how long the client has patience.
pub fn mixed(random: &mut Random) -> (Value, Duration) {
    let long = Duration::from_secs(30);
    let (mut body, patience) = match random.below(20) {
        0..=6 => (streamed(routed("[[mock tokens=6]]")), long),
        7..=9 => (streamed(native(routed("[[mock tokens=6]]"))), long),
        10 => (routed("[[mock tokens=3]]"), long),
        11..=14 => (streamed(routed("[[mock tokens=20 delay_ms=15]]")), long),
        15 => (streamed(native(routed("[[mock tokens=9 fault=fin_at at=6]]"))), long),
        16 => {
            let mut body = routed("nobody is that good");
            body["routing_hint"] = json!({"min_quality": "0.99"});
            (body, long)
        }
        17 => (streamed(routed("[[mock first_ms=2000]]")), Duration::from_millis(40)),
        18 => (streamed(routed("[[mock fault=refuse_status status=500]]")), long),
        _ => (
            streamed(native(routed("[[mock tokens=9 fault=hang_at at=6]]"))),
            Duration::from_millis(150 + random.next() % 300),
        ),
    };
    body["max_tokens"] = json!(40);
    (body, patience)
}
