//! What the operating system tells the process: to stop, or to read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Taken over before anything else, so that no signal ends the process on its own.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

impl Signals {
    /// Must be called where the runtime is.
    pub fn take() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal of any kind.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }

    /// The next signal that stops. A hangup that comes while the process starts or stops has no effect.
    pub async fn stop(&mut self) {
        while self.next().await != Told::Stop {
            tracing::info!("SIGHUP has no effect while the process starts or stops");
        }
    }
}
