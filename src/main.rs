//! The program: one command, one exit code.

use std::io::Write;
use std::process::ExitCode;

use ainfera::cli::Cli;
use ainfera::commands;
use clap::Parser;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // This comes first: a SIGHUP must not end a gateway that is starting.
    if std::env::args_os().nth(1).is_some_and(|command| command == "serve")
        && let Err(error) = ainfera::server::signals::outlive_hangup()
    {
        let _ = writeln!(std::io::stderr(), "signals cannot be received: {error}");
        return ExitCode::FAILURE;
    }
    // Every TLS configuration of the process takes this one; it is already there only if someone
    // installed the same before us.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(refusal) => {
            let _ = refusal.print();
            return ExitCode::from(u8::try_from(refusal.exit_code()).unwrap_or(2));
        }
    };
    commands::run(cli.command).unwrap_or_else(|error| {
        // When standard error is closed there is no place left to report it.
        let _ = writeln!(std::io::stderr(), "{error}");
        ExitCode::FAILURE
    })
}
