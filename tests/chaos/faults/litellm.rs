//! T8 and T9 against LiteLLM's proxy: the same provider, the same faults, the same judge. It is
//! measured, not judged: what it does is a figure. Its rows cannot be compared here: they need
//! Prisma's engine, a binary that is downloaded when it is first used.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use ainfera_mock::{MockSettings, MockUpstream};
use futures_util::future::join_all;

use super::clients_leave::{Point, body_at, leave, let_go_ms};
use super::provider_after_content::{FAULTS, Rest, TOKENS};
use crate::driver::{Ending, Line, Sighting, request};
use crate::findings::{Findings, per_mille};
use crate::peer::{CHAT, NATIVE, Peer, body_for};
use crate::random::Random;
use crate::relay::Relay;
use crate::scale::Scale;
use crate::speech::Speech;

const WIDTH: usize = 32;
/// Far above its own timers.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn provider_after_content(scale: Scale) -> Vec<Findings> {
    let faults = scale.pick(280, 2_800, 8_400);
    let mock =
        MockUpstream::start(MockSettings { recorded_requests: 0, ..MockSettings::default() })
            .await
            .unwrap();
    let peer = Peer::start(&mock.base_url()).await;
    let mut findings = Findings::new("T8", "litellm", "none: measured for comparison");
    findings.figure("version", &peer.version);
    for model in [CHAT, NATIVE] {
        let sound = sound_text(&peer, model).await;
        let counts: RefCell<BTreeMap<&str, usize>> = RefCell::default();
        let invented: RefCell<BTreeMap<String, usize>> = RefCell::default();
        let next = Cell::new(0);
        let worker = |seed: u64| {
            let (peer, next, counts, invented, sound) = (&peer, &next, &counts, &invented, &sound);
            async move {
                let mut random = Random::new(seed);
                loop {
                    let number = next.replace(next.get() + 1);
                    if number >= faults / 2 {
                        return;
                    }
                    let (fault, rest) = FAULTS[number % FAULTS.len()];
                    let fault = fault.replace("{at}", &(5 + random.below(5)).to_string());
                    let order = if fault.contains("fault=") {
                        fault.clone()
                    } else {
                        format!("fault={fault}")
                    };
                    let asked = request(
                        &peer.key,
                        &body_for(model, &format!("[[mock tokens={TOKENS} {order}]]")),
                    );
                    let mut line = Line::open(peer.address).await.unwrap();
                    let (sighting, _) = line.call(&asked, PATIENCE).await;
                    let verdict = verdict(rest, &sighting, sound);
                    *counts.borrow_mut().entry(verdict).or_default() += 1;
                    if verdict == "invented ends" {
                        let name = fault.split(" at=").next().unwrap_or_default().to_owned();
                        *invented.borrow_mut().entry(name).or_default() += 1;
                    }
                }
            }
        };
        join_all((0..WIDTH as u64).map(|client| worker(8_000 + client))).await;
        findings.calls += faults / 2;
        findings.figure(
            model,
            format!("{:?} invented by fault {:?}", counts.into_inner(), invented.into_inner()),
        );
    }
    vec![findings]
}

fn verdict(rest: Rest, sighting: &Sighting, sound: &str) -> &'static str {
    let speech = match &sighting.ending {
        Ending::NoHead => return "no answer",
        Ending::Refused { .. } => return "refused",
        Ending::Left(_) => return "never ended",
        Ending::Whole(speech) | Ending::Cut(speech) => speech,
    };
    let is_sound = |speech: &Speech| {
        speech.text == sound
            && !speech.complaints.iter().any(|one| one == "a second message_start")
            && speech.error.is_none()
    };
    match (speech.claims_success(), rest) {
        (true, Rest::Nothing) => "invented ends",
        (true, _) if is_sound(speech) => "rightly finished",
        (true, _) => "ends over damaged text",
        (false, _) if speech.error.is_some() => "error events",
        (false, _) if matches!(sighting.ending, Ending::Cut(_)) => "cut without an error",
        (false, _) => "ended without end or error",
    }
}

async fn sound_text(peer: &Peer, model: &str) -> String {
    let mut line = Line::open(peer.address).await.unwrap();
    let asked = request(&peer.key, &body_for(model, &format!("[[mock tokens={TOKENS}]]")));
    match line.call(&asked, PATIENCE).await.0.ending {
        Ending::Whole(speech) if speech.message_stop => speech.text,
        other => panic!("without a fault, LiteLLM: {other:?}"),
    }
}

pub async fn clients_leave(scale: Scale) -> Vec<Findings> {
    let clients = scale.pick(10, 100, 200);
    let mock =
        MockUpstream::start(MockSettings { recorded_requests: 0, ..MockSettings::default() })
            .await
            .unwrap();
    let relay = Relay::start(&mock.base_url());
    let peer = Peer::start(&relay.base_url()).await;
    let mut findings = Findings::new("T9", "litellm", "none: measured for comparison");
    findings.figure("version", &peer.version);
    let points = [
        Point::BeforeTheProvidersHead,
        Point::BeforeContent,
        Point::InASilence,
        Point::InTheFlow,
        Point::BeforeTheStopReason,
    ];
    for (place, point) in points.into_iter().enumerate() {
        let tags: Vec<u64> =
            (0..clients).map(|client| (place * 1_000_000 + client) as u64).collect();
        let mut left = Vec::new();
        for wave in tags.chunks(10) {
            let calls = wave.iter().map(|tag| {
                let mut body = body_at(point, *tag);
                body["model"] = NATIVE.into();
                let asked = request(&peer.key, &body);
                let (relay, address) = (&relay, peer.address);
                async move { leave(address, &asked, relay, point, *tag).await }
            });
            left.extend(join_all(calls).await);
        }
        findings.calls += clients;
        let (let_go, never) = let_go_ms(&relay, &left, point).await;
        let name: &'static str = match point {
            Point::BeforeTheProvidersHead => "before the provider's head",
            Point::BeforeContent => "before content",
            Point::InASilence => "in a silence",
            Point::InTheFlow => "in the flow",
            _ => "before the stop reason",
        };
        findings.figure(
            name,
            format!(
                "p50/p99 ms {}/{}, never within 10 s {never};",
                per_mille(&let_go, 500),
                per_mille(&let_go, 990)
            ),
        );
    }
    vec![findings]
}
