//! `ainfera serve`: starts the gateway, says where it listens, and serves until a signal stops it.

use std::io::{Write, stdout};
use std::net::SocketAddr;
use std::process::ExitCode;

use super::CommandError;
use super::demonstration::{Greeting, greet, reachable};
use crate::cli::ServeArgs;
use crate::config::{DatabaseUrl, Overrides, TakeOver, process_environment};
use crate::running_gateway::{Announcement, RunningGateway, state_directory};
use crate::server::Server;
use crate::server::reload::ConfigSource;
use crate::server::signals::Signals;
use crate::telemetry;

pub fn run(args: ServeArgs) -> Result<ExitCode, CommandError> {
    telemetry::init(process_environment("RUST_LOG").as_deref());
    let configured = args.config.is_some();
    actix_rt::System::new().block_on(Box::pin(async move {
        let mut signals = Signals::take().map_err(CommandError::Signals)?;
        let take_over = if args.take_over { TakeOver::Forced } else { TakeOver::Refused };
        let overrides = Overrides {
            listen: args.listen,
            database: args.database,
            replica: args.replica,
            take_over,
        };
        let source = ConfigSource { path: args.config, overrides };
        let config = source.read()?;
        let (database, defaults) = (config.database.clone(), config.defaults);
        let started = tokio::select! {
            started = Box::pin(Server::start(config)) => started,
            () = signals.stop() => {
                tracing::info!("stopped before it served");
                return Ok(ExitCode::SUCCESS);
            }
        };
        let server = started?;
        let announcement = announce(server.addr(), &database);
        let greeting =
            if configured { Greeting::None } else { greet(&*server.store(), defaults).await? };
        say(&format!("listening on http://{}\n{}", server.addr(), greeting.text(server.addr())))?;
        let code = server.wait_until_stopped(signals, source).await;
        drop(announcement);
        Ok(code)
    }))
}

/// A gateway that cannot be announced serves all the same: commands learn where it is from their
/// arguments.
fn announce(address: SocketAddr, database: &DatabaseUrl) -> Option<Announcement> {
    let state = state_directory(&process_environment)?;
    let announced = RunningGateway::of_this_process(reachable(address), database)
        .and_then(|gateway| gateway.announce(&state));
    announced.inspect_err(|error| tracing::info!(%error, state = %state.display(), "`ainfera launch` needs --url and --key here")).ok()
}

/// Flushed line by line: a script may wait for the first one.
fn say(text: &str) -> Result<(), CommandError> {
    let mut output = stdout().lock();
    for line in text.split_inclusive('\n') {
        output
            .write_all(line.as_bytes())
            .and_then(|()| output.flush())
            .map_err(CommandError::Output)?;
    }
    Ok(())
}
