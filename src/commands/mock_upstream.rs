//! `ainfera mock-upstream`: the scripted provider alone, until a signal stops it.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use ainfera_mock::frames::Markers;
use ainfera_mock::tls::tls_from_pem;
use ainfera_mock::{MockSettings, MockUpstream};
use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::cli::MockUpstreamArgs;
use crate::config::process_environment;
use crate::telemetry;

/// Where it is when nothing else is asked for.
const DEFAULT_PORT: u16 = 9100;

pub fn run(args: &MockUpstreamArgs) -> Result<ExitCode, CommandError> {
    telemetry::init(process_environment("RUST_LOG").as_deref());
    actix_rt::System::new().block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(CommandError::Mock)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(CommandError::Mock)?;
        let mock = MockUpstream::start(settings(args)?).await.map_err(CommandError::Mock)?;
        let mut output = stdout();
        writeln!(output, "listening on {}", mock.base_url())
            .and_then(|()| output.flush())
            .map_err(CommandError::Output)?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn settings(args: &MockUpstreamArgs) -> Result<MockSettings, CommandError> {
    let loopback = SocketAddr::from(([127, 0, 0, 1], args.port.unwrap_or(DEFAULT_PORT)));
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(tls(certificate, key)?),
        _ => None,
    };
    Ok(MockSettings {
        listen: args.listen.unwrap_or(loopback),
        tokens: args.tokens,
        delay_ms: args.delay_ms,
        first_ms: args.first_ms,
        tools: args.tools,
        pad: args.pad,
        markers: if args.markers { Markers::On } else { Markers::Off },
        tls,
        ..MockSettings::default()
    })
}

fn tls(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, CommandError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| CommandError::File { path: path.to_owned(), source })
    };
    Ok(tls_from_pem(&read(certificate)?, &read(key)?)?)
}
