//! How far the count of `count_tokens` is from what providers counted: `count_error FOLDER` reads
//! recorded calls (`*.meta.json` with the request, beside `*.expected.json` with the usage) and
//! prints each, then the median, the ninetieth and the share within 15 %.

#![allow(clippy::print_stdout, reason = "a tool for the command line")]

use std::error::Error;
use std::path::PathBuf;

use ainfera_schema::ProviderKind;
use ainfera_wire::client::{Call, ClientHeaders};
use ainfera_wire::provider::Dialect;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: count_error FOLDER")?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut errors = Vec::new();
    for meta in files.iter().filter(|path| path.to_string_lossy().ends_with(".meta.json")) {
        let name = meta.file_name().unwrap_or_default().to_string_lossy().replace(".meta.json", "");
        let Some((estimate, counted)) = compare(meta)? else { continue };
        let error = (estimate as f64 - counted as f64) / counted as f64;
        println!("{name:<80} {counted:>6} {estimate:>6} {:>+7.1} %", error * 100.0);
        errors.push(error.abs());
    }
    errors.sort_by(f64::total_cmp);
    let at = |share: f64| {
        errors
            .get(((errors.len() as f64 * share) as usize).min(errors.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    let within = errors.iter().filter(|error| **error <= 0.15).count();
    println!(
        "{} calls: median {:.1} %, p90 {:.1} %, within 15 %: {within}",
        errors.len(),
        at(0.5) * 100.0,
        at(0.9) * 100.0
    );
    Ok(())
}

/// Our count and the provider's; nothing where one of them is missing, or where the provider's own
/// tools added what nobody can see.
fn compare(meta: &PathBuf) -> Result<Option<(u64, u64)>, Box<dyn Error>> {
    let recorded: Value = serde_json::from_slice(&std::fs::read(meta)?)?;
    let request = ["request", "request_body", "body"]
        .iter()
        .find_map(|name| recorded.get(*name))
        .cloned()
        .unwrap_or_default();
    let request = if request["body"].is_object() { request["body"].clone() } else { request };
    let expected = meta.to_string_lossy().replace(".meta.json", ".expected.json");
    let usage: Value = std::fs::read(expected)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let usage = &usage["usage"];
    let headers = ClientHeaders::default();
    let estimate = &ainfera_routing::estimate_tokens;
    let body = serde_json::to_vec(&request)?;
    let (call, dialect, counted) = if usage["prompt_tokens"].is_u64()
        && request["messages"].is_array()
    {
        let profile = Dialect::of(ProviderKind::Openai);
        (
            Call::from_chat(body.into(), headers, estimate),
            profile,
            usage["prompt_tokens"].as_u64().unwrap_or(0),
        )
    } else if request["messages"].is_array() {
        let buckets = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
        let counted = buckets.iter().filter_map(|name| usage[*name].as_u64()).sum();
        (Call::from_uncounted(&body, headers, estimate), Dialect::Anthropic, counted)
    } else if request["input"].is_array() || request["input"].is_string() {
        (
            Call::from_responses(body.into(), headers, estimate),
            Dialect::Responses,
            usage["input_tokens"].as_u64().unwrap_or(0),
        )
    } else {
        return Ok(None);
    };
    let Ok(call) = call else { return Ok(None) };
    let own_tools = call.anthropic_only.is_some()
        || call.native_only.is_some()
        || request["mcp_servers"].is_array();
    Ok((counted > 0 && !own_tools).then(|| {
        (call.counted_for(&dialect, request["model"].as_str().unwrap_or_default()), counted)
    }))
}
