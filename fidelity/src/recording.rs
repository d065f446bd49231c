//! What providers sent, as it was recorded: a folder for each vendor.
//!
//! `.sse` and `.txt` are the bytes of a streamed body. `.chunks.txt` has the data of one event in
//! each line. `.json` is a body that was not streamed. Beside each lie `NAME.meta.json` (status and
//! request, where known) and `NAME.expected.json` (what the stream says, accumulated).

use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer::text;

/// One recorded answer, or several that followed each other in one file.
#[derive(Debug, Clone)]
pub struct Recording {
    pub vendor: String,
    pub name: String,
    pub form: Form,
    /// Bodies as they would come from the provider.
    pub bodies: Vec<Vec<u8>>,
    pub meta: Value,
    pub expected: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Streamed,
    /// Not streamed, status 200.
    Whole,
    /// An error with its status.
    Refusal(u16),
}

/// Everything in `folder`, which has a folder for each vendor or is one.
pub fn recordings(folder: &Path) -> io::Result<Vec<Recording>> {
    let mut folders: Vec<PathBuf> =
        entries(folder)?.into_iter().filter(|entry| entry.is_dir()).collect();
    if folders.is_empty() {
        folders.push(folder.to_owned());
    }
    let mut all = Vec::new();
    for folder in folders {
        let vendor =
            folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for path in entries(&folder)? {
            let file = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if !file.ends_with(".meta.json") && !file.ends_with(".expected.json") {
                all.extend(recording(&folder, &vendor, &file)?);
            }
        }
    }
    Ok(all)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

fn recording(folder: &Path, vendor: &str, file: &str) -> io::Result<Option<Recording>> {
    let Some((name, ending)) = [".chunks.txt", ".txt", ".sse", ".json"]
        .iter()
        .find_map(|ending| Some((file.strip_suffix(ending)?, *ending)))
    else {
        return Ok(None);
    };
    let beside = |what: &str| -> Option<Value> {
        serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.{what}.json"))).ok()?)
            .ok()
    };
    let meta = beside("meta").unwrap_or_default();
    let bytes = std::fs::read(folder.join(file))?;
    let status = meta
        .get("status")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(200);
    let form = match ending {
        _ if status >= 400 => Form::Refusal(status),
        ".json" => Form::Whole,
        _ => Form::Streamed,
    };
    let bodies = if ending == ".chunks.txt" {
        wrapped(&String::from_utf8_lossy(&bytes))
    } else {
        vec![bytes]
    };
    Ok(Some(Recording {
        vendor: vendor.to_owned(),
        name: name.to_owned(),
        form,
        bodies,
        meta,
        expected: beside("expected"),
    }))
}

/// Lines of data as the streams that they were: Anthropic's and Responses' events are named after
/// their type, chat chunks end with `[DONE]` if they have a finish reason. An answer that begins
/// after another one has ended is a stream of its own.
fn wrapped(lines: &str) -> Vec<Vec<u8>> {
    let mut bodies = vec![String::new()];
    let mut is_finished_chat = false;
    let mut ended = false;
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        let kind = text(&event, "/type");
        is_finished_chat |=
            event.pointer("/choices/0/finish_reason").is_some_and(|reason| !reason.is_null());
        if matches!(kind, "message_start" | "response.created") && ended {
            bodies.push(String::new());
            ended = false;
        }
        ended |= matches!(
            kind,
            "message_stop" | "response.completed" | "response.incomplete" | "response.failed"
        );
        if let Some(body) = bodies.last_mut() {
            if !kind.is_empty() {
                body.push_str(&format!("event: {kind}\n"));
            }
            body.push_str(&format!("data: {line}\n\n"));
        }
    }
    if let Some(body) = bodies.last_mut().filter(|_| is_finished_chat) {
        body.push_str("data: [DONE]\n\n");
    }
    bodies.into_iter().map(String::into_bytes).collect()
}
