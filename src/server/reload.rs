//! SIGHUP: the configuration is read again and replaces the running one as a whole, or not at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use actix::Addr;
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::capture::killswitch::SetKillSwitch;
use ainfera_actors::doctor::{CallsMayTake, DoctorActor};
use jiff::Timestamp;
use tokio::sync::watch;

use super::parts::{MockSlot, Parts};
use super::signals::{OperatorRequest, Signals};
use super::{StartError, longest_call};
use crate::config::{Config, ConfigError, Overrides, load, process_environment};

/// Where the configuration came from, and comes from again.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    pub path: Option<PathBuf>,
    pub overrides: Overrides,
}

impl ConfigSource {
    /// Blocks: the file may be on a slow disk.
    pub fn read(&self) -> Result<Config, ConfigError> {
        load(self.path.as_deref(), self.overrides.clone(), &process_environment)
    }
}

/// What `/metrics` says of it.
#[derive(Debug)]
pub struct ReloadFigures {
    pub succeeded: AtomicU64,
    pub failed: AtomicU64,
    /// Of the start, before the first reload.
    pub last_success_s: AtomicI64,
}

impl Default for ReloadFigures {
    fn default() -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            last_success_s: AtomicI64::new(Timestamp::now().as_second()),
        }
    }
}

/// Why the running configuration stays.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Parts(#[from] StartError),
    #[error("the configuration could not be read: its thread was stopped")]
    Stopped,
}

/// What a reload replaces, and with what it compares.
pub struct Reloader {
    /// The last good one.
    running: Config,
    parts: watch::Sender<Arc<Parts>>,
    capture: Addr<CaptureActor>,
    doctor: Option<Addr<DoctorActor>>,
    mock: MockSlot,
    figures: Arc<ReloadFigures>,
}

impl Reloader {
    pub fn new(
        running: Config,
        parts: watch::Sender<Arc<Parts>>,
        capture: Addr<CaptureActor>,
        doctor: Option<Addr<DoctorActor>>,
        mock: MockSlot,
        figures: Arc<ReloadFigures>,
    ) -> Self {
        Self { running, parts, capture, doctor, mock, figures }
    }

    pub fn running(&self) -> &Config {
        &self.running
    }

    /// Reads the configuration again. A mistake in it is logged, and the running configuration
    /// stays in force.
    pub async fn reload(&mut self, source: &ConfigSource) {
        match self.replace(source).await {
            Ok(waiting) => {
                self.figures.succeeded.fetch_add(1, Ordering::Relaxed);
                self.figures.last_success_s.store(Timestamp::now().as_second(), Ordering::Relaxed);
                tracing::info!(
                    models = self.running.models.len(),
                    providers = self.running.providers.len(),
                    "configuration reloaded"
                );
                for key in waiting {
                    tracing::warn!(
                        key,
                        "has changed in the configuration and takes effect at the next start only"
                    );
                }
            }
            Err(error) => {
                self.figures.failed.fetch_add(1, Ordering::Relaxed);
                for line in error.to_string().lines() {
                    tracing::error!(
                        mistake = line,
                        "configuration is not reloaded, the running one stays in force"
                    );
                }
            }
        }
    }

    /// Reloads, and once more when another reload was asked for meanwhile. Returns at once with
    /// [`OperatorRequest::Stop`] when the process is asked to stop.
    pub async fn reload_while_asked(
        &mut self,
        source: &ConfigSource,
        signals: &mut Signals,
    ) -> OperatorRequest {
        let mut request = OperatorRequest::Reload;
        while request == OperatorRequest::Reload {
            let reload = self.reload(source);
            tokio::pin!(reload);
            let mut meanwhile = None;
            while meanwhile != Some(OperatorRequest::Stop) {
                tokio::select! {
                    () = &mut reload => break,
                    news = signals.next() => meanwhile = Some(news),
                }
            }
            match meanwhile {
                Some(news) => request = news,
                None => return OperatorRequest::Reload,
            }
        }
        request
    }

    /// Returns the keys whose change has to wait for the next start.
    async fn replace(&mut self, source: &ConfigSource) -> Result<Vec<&'static str>, ReloadError> {
        let source = source.clone();
        let read = tokio::task::spawn_blocking(move || source.read());
        let config = read.await.map_err(|_| ReloadError::Stopped)??;
        let former = Arc::clone(&self.parts.borrow());
        let parts = Parts::build(&config, &mut self.mock, Some(&former)).await?;
        let waiting = fixed_at_start(&self.running, &config);
        self.capture.do_send(SetKillSwitch { daily_usd: config.killswitch_daily_usd });
        if let Some(doctor) = &self.doctor {
            doctor.do_send(CallsMayTake(longest_call(&config.deadlines, config.own_deadlines())));
        }
        self.parts.send_replace(Arc::new(parts));
        self.running = config;
        Ok(waiting)
    }
}

/// The keys that differ and that only a start reads.
fn fixed_at_start(running: &Config, new: &Config) -> Vec<&'static str> {
    let audit_key =
        |config: &Config| config.audit.signer.as_ref().map(|signer| signer.public_key());
    let (old, now) = (&running.deadlines, &new.deadlines);
    [
        ("listen", running.listen != new.listen),
        ("database", running.database != new.database),
        ("replica", running.replica != new.replica),
        ("workers", running.workers != new.workers),
        ("max_in_flight", running.max_in_flight != new.max_in_flight),
        ("keep_alive", running.keep_alive != new.keep_alive),
        ("store.spool", running.spool != new.spool),
        ("store.allow_unsafe_durability", running.durability != new.durability),
        ("audit.signing_key", audit_key(running) != audit_key(new)),
        ("audit.checkpoint_file", running.audit.checkpoint_file != new.audit.checkpoint_file),
        ("doctor.every", running.doctor_every != new.doctor_every),
        ("deadlines.heartbeat", old.heartbeat != now.heartbeat),
        ("deadlines.lease", old.lease != now.lease),
        ("deadlines.spool_after", old.spool_after != now.spool_after),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::from_toml(text, &|_| None).unwrap()
    }

    #[test]
    fn what_only_a_start_reads_is_named_and_nothing_else() {
        let running = config("");
        assert!(fixed_at_start(&running, &running).is_empty());
        let reloadable = "max_attempts = 2\n[deadlines]\nidle = \"5s\"\ndrain = \"5s\"\n[limits]\nbody_bytes = 2000\n[audit]\npublic = true\n";
        assert!(fixed_at_start(&running, &config(reloadable)).is_empty());
        let fixed = "listen = \"127.0.0.1:9\"\nworkers = 3\n[deadlines]\nlease = \"1m\"\n[doctor]\nevery = \"1m\"\n";
        assert_eq!(
            fixed_at_start(&running, &config(fixed)),
            ["listen", "workers", "doctor.every", "deadlines.lease"]
        );
    }
}
