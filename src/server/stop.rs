//! A stop: the balancers see it first, then new calls are refused, then the streams end, then
//! every row is durable. Each of these steps has a bound, so the whole has one.

use std::future::{Future, pending};
use std::process::ExitCode;
use std::time::Duration;

use ainfera_actors::capture::lease::EndBoot;
use ainfera_schema::Deadlines;
use ainfera_store::Heartbeat;
use tokio::time::{Instant, timeout};

use super::Server;
use super::signals::Signals;

/// After the streams: how long their last bytes and their rows may take.
const LAST_COMMITS: Duration = Duration::from_secs(10);
/// How long the database may take to note that this boot has ended.
const END_BOOT: Duration = Duration::from_secs(3);
/// How long the thread that accepts connections gets to stop it.
const PAUSE: Duration = Duration::from_millis(20);
/// Beyond all other bounds: for what ends slowly after everything is written, such as a thread of
/// the database that waits for its disk.
const SLACK: Duration = Duration::from_secs(5);

/// How much time the balancers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Calls are accepted for the deadline `drain_least` while `/readyz` says that the process will
    /// stop.
    Usual,
    /// None: this process must not take calls any more.
    None,
}

/// The longest that a stop takes.
pub fn longest_stop(deadlines: &Deadlines) -> Duration {
    deadlines.drain_least + deadlines.drain + LAST_COMMITS + END_BOOT + SLACK
}

impl Server {
    /// A stop that a person asked for: a second signal cuts the streams that still run, a third
    /// gives up what is not yet durable.
    pub(super) async fn stop(self, notice: Notice, mut signals: Signals) -> ExitCode {
        let bound = longest_stop(&self.reloader.running().deadlines);
        tracing::info!(
            in_flight = self.gate.in_flight(),
            longest_ms = bound.as_millis(),
            "stopping"
        );
        let (cut, is_cut) = tokio::sync::oneshot::channel::<()>();
        let drained = self.drain_until(notice, async move {
            if is_cut.await.is_err() {
                pending::<()>().await;
            }
        });
        let impatient = async move {
            signals.stop().await;
            tracing::warn!("second signal: streams are cut");
            let _ = cut.send(());
            signals.stop().await;
            tracing::error!(
                "third signal: rows that are not yet durable are closed by the next boot"
            );
        };
        tokio::select! {
            code = drained => code,
            () = impatient => ExitCode::FAILURE,
            () = tokio::time::sleep(bound) => {
                tracing::error!("the stop took longer than it may; the next boot closes what is left open");
                ExitCode::FAILURE
            }
        }
    }

    /// No new calls; streams may finish until the deadline; every row becomes durable; then
    /// success.
    pub async fn drain(self) -> ExitCode {
        self.drain_until(Notice::Usual, pending()).await
    }

    /// Drains like [`Server::drain`]; when `cut` ends, streams that still run are cut.
    pub async fn drain_until(self, notice: Notice, cut: impl Future<Output = ()>) -> ExitCode {
        tokio::pin!(cut);
        let deadlines = self.reloader.running().deadlines;
        let mut finished = true;
        self.gate.leave();
        if notice == Notice::Usual && !deadlines.drain_least.is_zero() {
            finished = tokio::select! {
                () = tokio::time::sleep(deadlines.drain_least) => true,
                () = &mut cut => false,
            };
        }
        self.gate.close();
        self.refuse_connections().await;
        if finished {
            finished = tokio::select! {
                ended = self.gate.calls_ended(Instant::now() + deadlines.drain) => ended,
                () = &mut cut => false,
            };
        }
        if !finished {
            tracing::warn!(in_flight = self.gate.in_flight(), "streams are cut");
        }
        let last = Instant::now() + LAST_COMMITS;
        self.http.handle.stop(finished).await;
        if let Ok(Err(error)) = self.http.running.await {
            tracing::error!(%error, "server failed");
        }
        // The server's future ends before its actors have written their rows. A permit comes back
        // after its row.
        let durable = self.gate.drained(last).await;
        if !durable {
            tracing::error!(
                left = self.gate.in_flight(),
                "rows could not be written; the next boot closes them as lost"
            );
            return ExitCode::FAILURE;
        }
        let spooled = self.counters.spooled.value();
        if spooled > 0 {
            tracing::warn!(
                spooled,
                "the store is away: calls are in the spool, the next start puts them into the store"
            );
        } else {
            match timeout(END_BOOT, self.capture.send(EndBoot { boot_id: self.boot_id })).await {
                Ok(Ok(Ok(()))) => {}
                Ok(Ok(Err(error))) => tracing::warn!(%error, "boot could not be marked closed"),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "boot could not be marked closed: capture has stopped")
                }
                Err(_) => tracing::warn!("boot could not be marked closed in time"),
            }
        }
        let standing = *self.standing.borrow();
        drop((
            self.checkpoints,
            self.replica,
            self.capture,
            self.reloader,
            self.control,
            self.lock,
        ));
        match standing {
            Heartbeat::Alive => ExitCode::SUCCESS,
            Heartbeat::Fenced => ExitCode::FAILURE,
        }
    }

    /// The operating system refuses new connections from now on, so that a balancer tries another
    /// replica. What is open stays open.
    async fn refuse_connections(&self) {
        // The server is paused first: it would take the end of its listener for a fault.
        self.http.handle.pause().await;
        // Its accepting thread reads the pause a moment later.
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = self.http.listener.shutdown(std::net::Shutdown::Both) {
            tracing::warn!(%error, "the listening socket cannot be closed before the server");
        }
    }
}
