//! How many events a second one core verifies, without reading them from anywhere.
//!
//! `cargo run --release -p ainfera-store --example audit_verify_speed -- EVENTS AGENTS`

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use ainfera_schema::audit::{canonical_json, event_hash};
use ainfera_store::audit_verify::record::{ChainEvent, Record, event_id, examine};
use ainfera_store::audit_verify::{Scope, Verifier};
use serde_json::json;
use uuid::Uuid;

const TIME: &str = "2026-11-23T12:00:00.123456Z";

/// As long as what a call leaves behind.
fn event(agent_id: Uuid, seq: i64, previous_hash: Option<String>) -> ChainEvent {
    let payload = canonical_json(&json!({
        "agent_id": agent_id.to_string(), "seq": seq, "event_type": "provider.responded", "created_at": TIME,
        "request_id": Uuid::nil().to_string(), "inference_id": Uuid::nil().to_string(), "outcome_status": "succeeded",
        "model": "mistral-large-3", "provider": "mistral", "attempts": 1, "input_tokens": 1200, "output_tokens": 350,
        "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0, "usage_basis": "reported", "stop_reason": "end_turn",
        "latency_ms": 1834,
    }));
    ChainEvent {
        agent_id: agent_id.to_string(),
        seq,
        event_id: event_id(agent_id, seq).to_string(),
        event_type: "provider.responded".to_owned(),
        event_hash: event_hash(previous_hash.as_deref(), &payload),
        payload,
        previous_hash,
        created_at: TIME.to_owned(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().as_deref().unwrap_or("500000").parse()?;
    let agents: usize = arguments.next().as_deref().unwrap_or("100").parse::<usize>()?.max(1);
    let mut records = Vec::with_capacity(events);
    for _ in 0..agents {
        let agent_id = Uuid::now_v7();
        let mut previous_hash = None;
        for seq in (1..).take(events / agents) {
            let event = event(agent_id, seq, previous_hash.take());
            previous_hash = Some(event.event_hash.clone());
            records.push(Record::Event(event));
        }
    }
    let (count, bytes) = (records.len(), records.iter().map(payload_bytes).sum::<usize>());
    let mut verifier = Verifier::new(Scope::AllChains, Vec::new(), None);
    let start = Instant::now();
    for record in records {
        verifier.take(&examine(record));
    }
    let report = verifier.finish();
    let elapsed = start.elapsed();
    if !report.valid {
        return Err(format!("{:?}", report.findings).into());
    }
    let per_second = count as u128 * 1_000_000 / elapsed.as_micros().max(1);
    writeln!(
        std::io::stdout(),
        "{per_second} events per second on one core, {count} events of {} bytes, {elapsed:?}",
        bytes / count.max(1)
    )?;
    Ok(())
}

fn payload_bytes(record: &Record) -> usize {
    match record {
        Record::Event(event) => event.payload.len(),
        Record::Checkpoint(_) | Record::Break(_) => 0,
    }
}
