//! Signals: an operator asks the process to stop, or to read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Taken over before anything else, so that no signal ends the process on its own.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorRequest {
    /// SIGTERM or SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// From now on SIGHUP does not end the process. This is called first, before the configuration is
/// read: a SIGHUP that comes in between needs no reload, because the file is read after it. SIGTERM
/// and SIGINT end the process until [`Signals::take`] is called.
pub fn outlive_hangup() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _inside = runtime.enter();
    // The handler stays installed after its receiver is dropped.
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
    pub async fn next(&mut self) -> OperatorRequest {
        tokio::select! {
            _ = self.terminate.recv() => OperatorRequest::Stop,
            _ = self.interrupt.recv() => OperatorRequest::Stop,
            _ = self.hangup.recv() => OperatorRequest::Reload,
        }
    }

    /// The next signal that stops. A hangup that comes while the process starts or stops has no
    /// effect.
    pub async fn stop(&mut self) {
        while self.next().await != OperatorRequest::Stop {
            tracing::info!("SIGHUP has no effect while the process starts or stops");
        }
    }
}
