//! Ten thousand tamperings of an intact log: every one is found, and its class is named.

use std::sync::LazyLock;

use ainfera_schema::audit::{canonical_json, event_hash};
use ainfera_schema::checkpoint::{ChainHead, CheckpointSigner, Unsigned};
use serde_json::json;
use uuid::Uuid;

use super::*;

const NOW: &str = "2026-11-23T12:00:00.123456Z";
const AGENTS: usize = 8;
const ROUNDS: usize = 8;
const TAMPERINGS: u64 = 10_000;

/// xorshift64*: the same tamperings on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides as u64).unwrap()
    }
}

/// An intact log, and the parts of it that concern one agent: its events and all checkpoints.
struct Log {
    whole: Vec<Record>,
    of_agent: Vec<Vec<(Record, Examined)>>,
    outside: Vec<Checkpoint>,
    key: String,
}

static LOG: LazyLock<Log> = LazyLock::new(log);

fn signer() -> CheckpointSigner {
    CheckpointSigner::new(&[9; 32])
}

fn log() -> Log {
    let mut dice = Dice(7);
    let mut chains: Vec<(Uuid, i64, Option<String>)> =
        (0..AGENTS).map(|_| (Uuid::now_v7(), 0, None)).collect();
    let mut whole = Vec::new();
    let mut outside: Vec<Checkpoint> = Vec::new();
    let mut tree = HeadTree::default();
    let mut tree_size = 0;
    for round in 0..ROUNDS {
        let mut heads = Vec::new();
        for (agent_id, seq, previous_hash) in &mut chains {
            let mut newest = None;
            for _ in 0..30 + dice.roll(11) {
                *seq += 1;
                let event = event(
                    *agent_id,
                    *seq,
                    previous_hash.take(),
                    &format!("model \"{}\"\n", dice.roll(1000)),
                );
                *previous_hash = Some(event.event_hash.clone());
                newest = Some(ChainHead {
                    agent_id: event.agent_id.clone(),
                    seq: *seq,
                    event_hash: event.event_hash.clone(),
                });
                tree_size += 1;
                whole.push(Record::Event(event));
            }
            heads.extend(newest);
        }
        heads.sort();
        heads.iter().for_each(|head| tree.set(head));
        let checkpoint = signer().sign(Unsigned {
            number: round as i64 + 1,
            created_at: NOW.to_owned(),
            tree_size,
            heads_count: AGENTS as i64,
            merkle_root: tree.root(),
            previous_hash: outside.last().map(|last| last.hash.clone()),
            heads,
        });
        outside.push(checkpoint.clone());
        whole.push(Record::Checkpoint(checkpoint));
    }
    let of_agent = chains.iter().map(|(agent_id, _, _)| {
        let agent_id = agent_id.to_string();
        let mine = whole
            .iter()
            .filter(|record| !matches!(record, Record::Event(event) if event.agent_id != agent_id));
        mine.map(|record| (record.clone(), examine(record.clone()))).collect()
    });
    let of_agent = of_agent.collect();
    Log { of_agent, key: signer().public_key(), outside, whole }
}

fn event(agent_id: Uuid, seq: i64, previous_hash: Option<String>, model: &str) -> ChainEvent {
    let payload = json!({"model": model, "agent_id": agent_id.to_string(), "seq": seq, "event_type": "inference.routed", "created_at": NOW});
    let payload = canonical_json(&payload);
    ChainEvent {
        agent_id: agent_id.to_string(),
        seq,
        event_id: record::event_id(agent_id, seq).to_string(),
        event_type: "inference.routed".to_owned(),
        event_hash: event_hash(previous_hash.as_deref(), &payload),
        payload,
        previous_hash,
        created_at: NOW.to_owned(),
    }
}

fn report(scope: Scope, log: &Log, examined: impl IntoIterator<Item = Examined>) -> Report {
    let outside: Outside = Box::new(log.outside.clone().into_iter());
    let mut verifier = Verifier::new(scope, vec![log.key.clone()], Some(outside));
    examined.into_iter().for_each(|record| verifier.take(&record));
    verifier.finish()
}

fn line(record: &Record) -> Vec<u8> {
    let mut line = serde_json::to_vec(record).unwrap();
    line.push(b'\n');
    line
}

fn event_of(record: &Record) -> ChainEvent {
    match record {
        Record::Event(event) => event.clone(),
        Record::Checkpoint(_) | Record::Break(_) => panic!("not an event"),
    }
}

/// One tampering at random, and the class that it must be given.
fn tamper(dice: &mut Dice, log: &mut Vec<(Record, Examined)>) -> (String, TamperClass) {
    let is_event = |entry: &(Record, Examined)| matches!(entry.0, Record::Event(_));
    let places = |wanted: bool, log: &[(Record, Examined)]| -> Vec<usize> {
        (0..log.len()).filter(|place| is_event(&log[*place]) == wanted).collect()
    };
    let events = places(true, log);
    let checkpoints = places(false, log);
    let put = |record: Record| {
        let examined = examine(record.clone());
        (record, examined)
    };
    match dice.roll(13) {
        // a byte of an event's line becomes another one
        0 | 1 => {
            let place = events[dice.roll(events.len())];
            let mut line = line(&log[place].0);
            let at = dice.roll(line.len());
            let flip = 1 + dice.roll(255) as u8;
            line[at] ^= flip;
            log[place].1 = examine_line(&line);
            (format!("byte {at} ^ {flip} of event at {place}"), TamperClass::Mutated)
        }
        // an event is rewritten, with a hash that fits: what follows does not follow it any more
        2 => {
            let at = dice.roll(events.len());
            let mut event = event_of(&log[events[at]].0);
            event.payload = event.payload.replace("model \\\"", "other \\\"");
            event.event_hash = event_hash(event.previous_hash.as_deref(), &event.payload);
            log[events[at]] = put(Record::Event(event));
            // the last one: nothing follows, and the chain is not the signed one
            let class =
                if at + 1 == events.len() { TamperClass::Fork } else { TamperClass::Mutated };
            (format!("event {at} rewritten"), class)
        }
        3 => {
            let at = dice.roll(events.len());
            log.remove(events[at]);
            // without its last event a chain is truncated
            (
                format!("event {at} deleted"),
                if at + 1 == events.len() { TamperClass::Truncated } else { TamperClass::Deleted },
            )
        }
        4 => {
            let from = dice.roll(events.len());
            let copy = log[events[from]].clone();
            let to = events[dice.roll(events.len())];
            log.insert(to, copy);
            (format!("copy of event {from} put in at {to}"), TamperClass::Inserted)
        }
        // an event of this number that follows something else
        5 => {
            let at = 1 + dice.roll(events.len() - 1);
            let mut event = event_of(&log[events[at]].0);
            event.previous_hash = Some("ab".repeat(32));
            event.event_hash = event_hash(event.previous_hash.as_deref(), &event.payload);
            log.insert(events[at] + dice.roll(2), put(Record::Event(event)));
            (format!("forged event put in beside {at}"), TamperClass::Inserted)
        }
        6 => {
            let (left, right) = (dice.roll(events.len()), dice.roll(events.len() - 1));
            let right = if right >= left { right + 1 } else { right };
            log.swap(events[left], events[right]);
            (format!("events {left} and {right} swapped"), TamperClass::Reordered)
        }
        7 => {
            let keep = dice.roll(events.len());
            for place in events[keep..].iter().rev() {
                log.remove(*place);
            }
            (format!("truncated to {keep}"), TamperClass::Truncated)
        }
        // two events of one number, both of which follow the one before
        8 => {
            let at = dice.roll(events.len());
            let mut event = event_of(&log[events[at]].0);
            event.payload = event.payload.replace("model \\\"", "other \\\"");
            event.event_hash = event_hash(event.previous_hash.as_deref(), &event.payload);
            log.insert(events[at] + dice.roll(2), put(Record::Event(event)));
            (format!("fork beside {at}"), TamperClass::Fork)
        }
        // a whole other history from here on, consistent in itself
        9 => {
            let from = dice.roll(events.len());
            let mut previous = None;
            for place in &events[from..] {
                let mut event = event_of(&log[*place].0);
                event.payload = event.payload.replace("model \\\"", "other \\\"");
                event.previous_hash = previous.or(event.previous_hash);
                event.event_hash = event_hash(event.previous_hash.as_deref(), &event.payload);
                previous = Some(event.event_hash.clone());
                log[*place] = put(Record::Event(event));
            }
            (format!("history rewritten from {from}"), TamperClass::Fork)
        }
        // signed again with another key, from here on or this one alone
        10 => {
            let other = CheckpointSigner::new(&[1 + dice.roll(8) as u8; 32]);
            let from = dice.roll(checkpoints.len());
            let to = if dice.roll(2) == 0 { from + 1 } else { checkpoints.len() };
            for place in &checkpoints[from..to] {
                let Record::Checkpoint(old) = log[*place].0.clone() else { unreachable!() };
                log[*place] = put(Record::Checkpoint(signed_again(&other, &old)));
            }
            (format!("checkpoints {from}..{to} signed with another key"), TamperClass::WrongKey)
        }
        11 => tamper_checkpoint_byte(dice, log, &checkpoints),
        _ => tamper_checkpoints(dice, log, &checkpoints),
    }
}

fn signed_again(other: &CheckpointSigner, old: &Checkpoint) -> Checkpoint {
    other.sign(Unsigned {
        number: old.number,
        created_at: old.created_at.clone(),
        tree_size: old.tree_size,
        heads_count: old.heads_count,
        merkle_root: ainfera_schema::checkpoint::from_hex(&old.merkle_root).unwrap(),
        previous_hash: old.previous_hash.clone(),
        heads: old.heads.clone(),
    })
}

/// A line that cannot be read is a mutation; one that can does not say what was signed.
fn tamper_checkpoint_byte(
    dice: &mut Dice,
    log: &mut [(Record, Examined)],
    checkpoints: &[usize],
) -> (String, TamperClass) {
    let place = checkpoints[dice.roll(checkpoints.len())];
    let mut line = line(&log[place].0);
    let at = dice.roll(line.len());
    let flip = 1 + dice.roll(255) as u8;
    line[at] ^= flip;
    log[place].1 = examine_line(&line);
    let class = if matches!(log[place].1, Examined::Unreadable(_)) {
        TamperClass::Mutated
    } else {
        TamperClass::BadSignature
    };
    (format!("byte {at} ^ {flip} of checkpoint at {place}"), class)
}

fn tamper_checkpoints(
    dice: &mut Dice,
    log: &mut Vec<(Record, Examined)>,
    checkpoints: &[usize],
) -> (String, TamperClass) {
    let at = dice.roll(checkpoints.len());
    let place = checkpoints[at];
    match dice.roll(4) {
        0 => {
            log.remove(place);
            let class = if at + 1 == checkpoints.len() {
                TamperClass::Truncated
            } else {
                TamperClass::Deleted
            };
            (format!("checkpoint {at} deleted"), class)
        }
        1 => {
            let copy = log[place].clone();
            let to = checkpoints[dice.roll(checkpoints.len())];
            log.insert(to, copy);
            (format!("copy of checkpoint {at} put in at {to}"), TamperClass::Inserted)
        }
        2 => {
            let other =
                checkpoints[(at + 1 + dice.roll(checkpoints.len() - 1)) % checkpoints.len()];
            log.swap(place, other);
            (format!("checkpoints at {place} and {other} swapped"), TamperClass::Reordered)
        }
        // by somebody who has the key
        _ => {
            let Record::Checkpoint(old) = log[place].0.clone() else { unreachable!() };
            let again =
                signed_again(&signer(), &Checkpoint { tree_size: old.tree_size + 1, ..old });
            let examined = Examined::Checkpoint(Box::new(again.clone()));
            log.insert(place + dice.roll(2), (Record::Checkpoint(again), examined));
            (format!("two checkpoints beside {at}"), TamperClass::Fork)
        }
    }
}

#[test]
fn an_intact_log_is_valid_as_a_whole_and_for_each_agent() {
    let log = &*LOG;
    let whole =
        report(Scope::AllChains, log, log.whole.iter().map(|record| examine_line(&line(record))));
    assert_eq!(whole.findings, []);
    assert!(whole.valid && whole.events > 2_000, "{whole:?}");
    assert_eq!(
        (whole.chains, whole.checkpoints, whole.unsigned_events),
        (AGENTS as u64, ROUNDS as u64, 0)
    );
    for mine in &log.of_agent {
        let found =
            report(Scope::PresentChains, log, mine.iter().map(|(_, examined)| examined.clone()));
        assert_eq!(found.findings, []);
    }
}

/// What is wrong about the answer to one tampering, if anything.
fn misjudged(log: &Log, seed: u64) -> Option<String> {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut tampered = log.of_agent[dice.roll(AGENTS)].clone();
    let agent_id = tampered.iter().find_map(|(record, _)| match record {
        Record::Event(event) => Some(event.agent_id.clone()),
        Record::Checkpoint(_) | Record::Break(_) => None,
    });
    let (what, class) = tamper(&mut dice, &mut tampered);
    let outside: Outside = Box::new(log.outside.clone().into_iter());
    let mut verifier = Verifier::new(Scope::PresentChains, vec![log.key.clone()], Some(outside));
    // it is the chain that is asked about, even if nothing of it is left
    verifier.chains.insert(agent_id.unwrap(), Chain::default());
    tampered.iter().for_each(|(_, examined)| verifier.take(examined));
    let found = verifier.finish().findings.first().map(|finding| finding.class);
    (found != Some(class))
        .then(|| format!("seed {seed}: {what}: {class:?} was taken for {found:?}"))
}

#[test]
fn ten_thousand_tamperings_are_all_found_and_named() {
    let log = &*LOG;
    let half = |from: u64| {
        move || {
            (from..=TAMPERINGS)
                .step_by(2)
                .filter_map(|seed| misjudged(log, seed))
                .collect::<Vec<_>>()
        }
    };
    let wrong = std::thread::scope(|scope| {
        let halves = [1, 2].map(|from| scope.spawn(half(from)));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(
        wrong.is_empty(),
        "{} of {TAMPERINGS}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(30)].join("\n")
    );
}
