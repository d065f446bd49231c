//! `ainfera providers`: what the running gateway does not ask or cannot reach, and why; `clear` has
//! it forgotten.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use super::CommandError;
use crate::cli::{ClearArgs, ProvidersArgs, ProvidersCommand};
use crate::config::{Overrides, load, process_environment};
use crate::server::control;
use crate::server::process_lock::control_socket;

/// The gateway is on this machine and answers from memory.
const PATIENCE: Duration = Duration::from_secs(5);

pub fn run(args: &ProvidersArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    match &args.command {
        Some(ProvidersCommand::Clear(clear)) => clear_one(args, clear, output),
        None => list(args, output),
    }
}

fn list(args: &ProvidersArgs, output: &mut impl Write) -> Result<ExitCode, CommandError> {
    let answer = ask(args, "GET", control::PROVIDERS)?;
    if args.json {
        writeln!(output, "{answer}").map_err(CommandError::Output)?;
        return Ok(ExitCode::SUCCESS);
    }
    let aside = answer["set_aside"].as_array().cloned().unwrap_or_default();
    let unreachable = answer["unreachable"].as_array().cloned().unwrap_or_default();
    for provider in answer["providers"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let of_provider: Vec<&Value> =
            aside.iter().filter(|entry| entry["provider"] == provider).collect();
        let lost = unreachable.iter().find(|entry| entry["provider"] == provider);
        if let Some(lost) = lost {
            let (since, cause, detail) = (&lost["since_seconds"], &lost["cause"], &lost["detail"]);
            let (cause, detail) =
                (cause.as_str().unwrap_or_default(), detail.as_str().unwrap_or_default());
            let tried = &lost["tried_seconds_ago"];
            writeln!(output, "{provider}: cannot be reached for {since} s, {cause}: {detail}; last tried {tried} s ago")
                .map_err(CommandError::Output)?;
        }
        if of_provider.is_empty() && lost.is_none() {
            writeln!(output, "{provider}: asked").map_err(CommandError::Output)?;
        }
        for entry in of_provider {
            let what = entry["model"]
                .as_str()
                .map_or_else(|| provider.to_owned(), |model| format!("{provider} {model}"));
            let (reason, since) =
                (entry["reason"].as_str().unwrap_or_default(), &entry["since_seconds"]);
            writeln!(
                output,
                "{what}: set aside for {since} s, {reason}; next try in {} s",
                entry["retry_in_seconds"]
            )
            .map_err(CommandError::Output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn clear_one(
    args: &ProvidersArgs,
    clear: &ClearArgs,
    output: &mut impl Write,
) -> Result<ExitCode, CommandError> {
    let model = clear
        .model
        .as_deref()
        .map(|model| format!("&model={}", in_query(model)))
        .unwrap_or_default();
    let answer = ask(
        args,
        "POST",
        &format!("{}?provider={}{model}", control::CLEAR, in_query(&clear.provider)),
    )?;
    if let Some(error) = answer["error"].as_str() {
        return Err(CommandError::Control(format!("{}: {error}", clear.provider)));
    }
    writeln!(output, "{} cleared", answer["cleared"]).map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the gateway that runs with this configuration.
fn ask(args: &ProvidersArgs, method: &str, path: &str) -> Result<Value, CommandError> {
    let config = load(args.config.as_deref(), Overrides::default(), &process_environment)?;
    let none_runs = |why: String| {
        CommandError::Control(format!("no gateway of this configuration can be asked: {why}"))
    };
    let socket = control_socket(&config).ok_or_else(|| {
        none_runs("its database is in memory, or it has no `replica` name".to_owned())
    })?;
    let failed = |error: std::io::Error| none_runs(format!("{}: {error}", socket.display()));
    let mut stream = UnixStream::connect(&socket).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(body).map_err(|_| none_runs("it did not answer with JSON".to_owned()))
}

/// Every byte that has a meaning in an address is written as its number.
fn in_query(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                written.push(char::from(byte))
            }
            other => written.push_str(&format!("%{other:02X}")),
        }
    }
    written
}
