//! One gateway: from a configuration to a listening server, and back to nothing without losing a
//! row.

pub mod audit;
pub mod control;
pub mod figures_age;
pub mod floors;
pub mod http_service;
pub mod listener;
pub mod parts;
pub mod process_lock;
pub mod reload;
pub mod service_actors;
pub mod serving;
pub mod signals;
pub mod stop;
pub mod takeover;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_web::web::Data;
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::capture::spool_file::{SpoolError, SpoolFile};
use ainfera_actors::capture::spool_thread::{SharedSpool, blocking};
use ainfera_actors::capture::start::{StartBoot, StartFailure};
use ainfera_actors::checkpoint::CheckpointActor;
use ainfera_actors::counters::Counters;
use ainfera_actors::gate::Gate;
use ainfera_actors::replica::ReplicaActor;
use ainfera_schema::{BootId, Deadlines, OwnDeadlines};
use ainfera_store::{Heartbeat, StoreError, StoreWriter};
use tokio::sync::{oneshot, watch};

use crate::config::spool::Sharing;
use crate::config::{Config, Durability, TakeOver};
use crate::http::auth::KeyRing;
use crate::http::body::BodyBudget;
use crate::http::state::Shared;
use crate::http::turns::Turns;
use control::Control;
use http_service::HttpService;
use parts::Parts;
use process_lock::ProcessLock;
use reload::{ConfigSource, ReloadFigures, Reloader};
use service_actors::{ServiceActors, Services};
use serving::Fixed;
use signals::{OperatorRequest, Signals};
use stop::Notice;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("catalogue: {0}")]
    Catalogue(#[from] ainfera_routing::CatalogueError),
    #[error("tls: {0}")]
    Tls(#[from] rustls::Error),
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Lock(#[from] process_lock::LockError),
    #[error(transparent)]
    TakeOver(#[from] takeover::TakeOverError),
    #[error(transparent)]
    Boot(#[from] StartFailure),
    #[error("capture has stopped")]
    CaptureStopped,
    #[error(transparent)]
    AuditKey(#[from] audit::AuditKeyError),
    #[error("scripted provider: {0}")]
    Mock(std::io::Error),
}

/// A running gateway.
pub struct Server {
    http: HttpService,
    gate: Gate,
    boot_id: BootId,
    store: Arc<dyn StoreWriter>,
    counters: Arc<Counters>,
    /// Kept here so that a last message to it cannot race with its end.
    capture: Addr<CaptureActor>,
    /// Asks for signatures for as long as this address is kept.
    checkpoints: Addr<CheckpointActor>,
    /// Sends heartbeats for as long as this address is kept.
    replica: Addr<ReplicaActor>,
    /// Whether other replicas gave this one up.
    standing: watch::Receiver<Heartbeat>,
    reloader: Reloader,
    /// The socket at which `ainfera providers` asks.
    control: Option<Control>,
    /// Kept until this process writes no more.
    lock: Option<ProcessLock>,
}

impl Server {
    /// Takes the address, the lock and everything else that can be missing; only then opens the
    /// store for writing, closes what an earlier boot left open, and serves. A start that fails has
    /// changed nothing that a running gateway uses. Must be called on an actix System: CaptureActor
    /// lives on its arbiter.
    pub async fn start(config: Config) -> Result<Server, StartError> {
        let listener = listener::bind(config.listen)
            .map_err(|source| StartError::Listen { address: config.listen, source })?;
        let mut lock = ProcessLock::take(&config)?;
        let mut mock = None;
        let parts = Parts::build(&config, &mut mock, None).await?;
        let (checkpointing, audit_key, parted) = match audit::signing(&config)? {
            Some(signing) => {
                (Some(signing.checkpointing), Some(signing.public_key), signing.parted)
            }
            None => (None, None, watch::channel(None).1),
        };
        let spool = Arc::new(Mutex::new(SpoolFile::new(config.spool.path.clone())));
        try_spool(&config, &spool).await?;
        let store = open_store(&config, lock.as_ref()).await?;
        let gate = Gate::new(config.max_in_flight);
        let counters = Arc::new(Counters::default());
        let capture = CaptureActor::new(Arc::clone(&store), Arc::clone(&counters), gate.clone())
            .with_killswitch(config.killswitch_daily_usd)
            .with_spool(spool, config.deadlines.spool_after)
            .checkpointing(checkpointing)
            .start();
        let boot_id = begin(&config, store.as_ref(), &capture, lock.as_mut()).await?;
        let services = Services {
            boot_id,
            store: Arc::clone(&store),
            capture,
            gate: gate.clone(),
            counters: Arc::clone(&counters),
        };
        let actors = ServiceActors::start(&config, services);
        let (parts, in_force) = watch::channel(Arc::new(parts));
        let control = process_lock::control_socket(&config)
            .and_then(|path| Control::open(path, in_force.clone()));
        let reloads = Arc::new(ReloadFigures::default());
        let shared = Data::new(Shared {
            gate: gate.clone(),
            keys: KeyRing::default(),
            capture: actors.capture.clone(),
            reader: actors.reader,
            counters: Arc::clone(&counters),
            parts: in_force.clone(),
            bodies: BodyBudget::default(),
            remembered: BodyBudget::default(),
            turns: Turns::default(),
            verifications: Turns::default(),
            audit_key,
            reloads: Arc::clone(&reloads),
            checkup: actors.checkup,
            parted,
        });
        let fixed =
            Fixed { capture: actors.capture.clone(), boot_id, counters: Arc::clone(&counters) };
        let http = HttpService::start(&config, listener, shared, fixed, in_force)?;
        let capture = actors.capture;
        Ok(Server {
            http,
            gate,
            boot_id,
            store,
            counters,
            reloader: Reloader::new(config, parts, capture.clone(), actors.doctor, mock, reloads),
            capture,
            checkpoints: actors.checkpoints,
            replica: actors.replica,
            standing: actors.standing,
            control,
            lock,
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.http.address
    }

    pub fn store(&self) -> Arc<dyn StoreWriter> {
        Arc::clone(&self.store)
    }

    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    pub fn capture(&self) -> Addr<CaptureActor> {
        self.capture.clone()
    }

    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// Serves until SIGTERM or SIGINT, then stops. SIGHUP reads the configuration from `source`
    /// again.
    pub async fn wait_until_stopped(
        mut self,
        mut signals: Signals,
        source: ConfigSource,
    ) -> ExitCode {
        let notice = loop {
            tokio::select! {
                request = signals.next() => {
                    let last = match request {
                        OperatorRequest::Stop => request,
                        OperatorRequest::Reload => {
                            self.reloader.reload_while_asked(&source, &mut signals).await
                        }
                    };
                    if last == OperatorRequest::Stop {
                        break Notice::Usual;
                    }
                }
                () = stopped_capturing(&self.capture) => {
                    tracing::error!("capture has stopped: nothing can be accounted for any more");
                    break Notice::None;
                }
                () = fenced(&mut self.standing) => break Notice::None,
            }
        };
        self.stop(notice, signals).await
    }
}

/// Opens the store for writing. An operator who asked for durability gets it or no start, and a
/// process of the same replica name that still runs is not given up unless the operator said so.
async fn open_store(
    config: &Config,
    lock: Option<&ProcessLock>,
) -> Result<Arc<dyn StoreWriter>, StartError> {
    let store = ainfera_store::open(&config.database.exposed()).await?;
    if config.durability == Durability::Required {
        store.require_durability().await?;
    }
    let former = lock.and_then(ProcessLock::former_boot);
    if config.take_over == TakeOver::Refused {
        takeover::former_boots_are_over(store.as_ref(), &config.replica, former, &config.deadlines)
            .await?;
    }
    Ok(store)
}

/// A spool that cannot be written is found now, and not when the store is away and the rows of
/// finished calls depend on it.
async fn try_spool(config: &Config, spool: &SharedSpool) -> Result<(), StartError> {
    match blocking(spool, SpoolFile::prepare).await {
        Err(error @ SpoolError::InUse { .. }) if config.spool.sharing == Sharing::FirstCome => {
            tracing::warn!(%error, "this process has no spool: give it a `replica` name");
            Ok(())
        }
        other => Ok(other.map_err(StartFailure::Spool)?),
    }
}

/// The steps that cannot be taken back: from here on this process is the replica.
async fn begin(
    config: &Config,
    store: &dyn StoreWriter,
    capture: &Addr<CaptureActor>,
    lock: Option<&mut ProcessLock>,
) -> Result<BootId, StartError> {
    store.migrate().await?;
    let boot_id = BootId::mint();
    if let Some(lock) = lock {
        lock.name_holder(boot_id)?;
    }
    let (reply, started) = oneshot::channel();
    let (replica, former_spool) = (config.replica.clone(), config.spool.former.clone());
    capture.do_send(StartBoot { boot_id, replica, former_spool, reply });
    let started = started.await.map_err(|_| StartError::CaptureStopped)??;
    if started.replayed > 0 {
        let replayed = started.replayed;
        tracing::info!(
            replayed,
            "calls that an earlier boot had put into the spool are in the store"
        );
    }
    if started.lost > 0 {
        let (lost, replica) = (started.lost, &config.replica);
        tracing::warn!(lost, replica, "calls that an earlier boot left open were closed as lost");
    }
    Ok(boot_id)
}

/// How long a call can be open: the longest total that any provider or model is given, being read
/// on after its client left, its body and admission, the lease of a replica that died with it, and
/// a minute for the reaper and for records on their way.
pub fn longest_call<'o>(
    deadlines: &Deadlines,
    own: impl IntoIterator<Item = &'o OwnDeadlines>,
) -> Duration {
    let total = own
        .into_iter()
        .filter_map(|own| own.total)
        .chain([deadlines.answering.total, deadlines.reasoning.total])
        .max();
    let total = total.unwrap_or_default();
    let parts = [
        total,
        deadlines.drain_after_disconnect,
        deadlines.body,
        deadlines.admission,
        deadlines.acknowledge,
        deadlines.lease,
    ];
    parts.iter().sum::<Duration>() + Duration::from_secs(60)
}

/// Ends when other replicas have given this one up.
async fn fenced(standing: &mut watch::Receiver<Heartbeat>) {
    if standing.wait_for(|standing| *standing == Heartbeat::Fenced).await.is_err() {
        // The sender of heartbeats is gone. `stopped_capturing` notices what led to that.
        std::future::pending::<()>().await;
    }
}

/// Ends when CaptureActor is gone, which it never is while the server is well.
async fn stopped_capturing(capture: &Addr<CaptureActor>) {
    let mut watch = tokio::time::interval(Duration::from_secs(1));
    while capture.connected() {
        watch.tick().await;
    }
}
