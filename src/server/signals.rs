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

/// From now on SIGHUP does not end the process. Called before anything else is done, the
/// configuration read included; whoever asks for a reload in that moment gets one, for the
/// configuration is read after it. SIGTERM and SIGINT end the process until [`Signals::take`].
pub fn outlive_hangup() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    // what handles it stays when its receiver is gone
    signal(SignalKind::hangup()).map(drop)
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

    /// The next signal that stops. A hangup that comes while the process starts or stops has no
    /// effect.
    pub async fn stop(&mut self) {
        while self.next().await != Told::Stop {
            tracing::info!("SIGHUP has no effect while the process starts or stops");
        }
    }
}
