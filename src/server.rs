//! One gateway: from a configuration to a listening server, and back to nothing without losing a
//! row.

pub mod audit;
pub mod control;
pub mod floors;
pub mod listener;
pub mod parts;
pub mod process_lock;
pub mod reload;
pub mod serving;
pub mod signals;
pub mod stop;
pub mod takeover;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, Addr};
use actix_web::dev::{ServerHandle, Service};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use ainfera_actors::capture::CaptureActor;
use ainfera_actors::capture::replay::{ReplayError, SharedSpool, blocking, replay, replay_former};
use ainfera_actors::capture::spool_file::{SpoolError, SpoolFile};
use ainfera_actors::checkpoint::CheckpointActor;
use ainfera_actors::counters::Counters;
use ainfera_actors::doctor::{Checkup, DoctorActor};
use ainfera_actors::gate::Gate;
use ainfera_actors::reader::ReaderActor;
use ainfera_actors::replica::ReplicaActor;
use ainfera_schema::{BootId, Deadlines, OwnDeadlines};
use ainfera_store::{Heartbeat, StoreError, StoreWriter};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::spool::Sharing;
use crate::config::{Config, Durability, TakeOver};
use crate::http::auth::KeyRing;
use crate::http::body::BodyBudget;
use crate::http::leaving;
use crate::http::routes;
use crate::http::state::Shared;
use crate::http::turns::Turns;
use control::Control;
use parts::Parts;
use process_lock::ProcessLock;
use reload::{ConfigSource, ReloadFigures, Reloader};
use serving::{Fixed, ServingSlot};
use signals::{Signals, Told};
use socket2::Socket;
use stop::Notice;

/// At the end of a drain: how long connections may take to send what is already written to them.
const LAST_BYTES_S: u64 = 10;

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
    Spool(#[from] ReplayError),
    #[error(transparent)]
    AuditKey(#[from] audit::AuditKeyError),
    #[error("scripted provider: {0}")]
    Mock(std::io::Error),
}

/// A running gateway.
pub struct Server {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<std::io::Result<()>>,
    gate: Gate,
    boot_id: BootId,
    store: Arc<dyn StoreWriter>,
    counters: Arc<Counters>,
    /// The listening socket, of which the server has another handle.
    listener: Socket,
    /// Kept here so that a last message to it cannot race with its end.
    capture: Addr<CaptureActor>,
    /// Ticks for as long as it is held.
    checkpoints: Addr<CheckpointActor>,
    /// Beats for as long as it is held.
    replica: Addr<ReplicaActor>,
    /// Whether other replicas gave this one up.
    standing: watch::Receiver<Heartbeat>,
    reloader: Reloader,
    /// Where operators ask.
    control: Option<Control>,
    /// Held until this process writes no more.
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
        let (checkpointing, public_key, parted) = match audit::signing(&config)? {
            Some(signing) => {
                (Some(signing.checkpointing), Some(signing.public_key), signing.parted)
            }
            None => (None, None, watch::channel(None).1),
        };
        let spool = Arc::new(Mutex::new(SpoolFile::new(config.spool.path.clone())));
        try_spool(&config, &spool).await?;
        let store = ainfera_store::open(&config.database.exposed()).await?;
        if config.durability == Durability::Required {
            store.require_durability().await?;
        }
        let former = lock.as_ref().and_then(ProcessLock::former_boot);
        if config.take_over == TakeOver::Refused {
            takeover::former_boots_are_over(
                store.as_ref(),
                &config.replica,
                former,
                &config.deadlines,
            )
            .await?;
        }
        let boot_id = begin(&config, store.as_ref(), &spool, lock.as_mut()).await?;
        let gate = Gate::new(config.max_in_flight);
        let counters = Arc::new(Counters::default());
        let capture = CaptureActor::new(Arc::clone(&store), Arc::clone(&counters), gate.clone())
            .with_killswitch(config.killswitch_daily_usd);
        let capture = capture
            .with_spool(spool, config.deadlines.spool_after)
            .checkpointing(checkpointing)
            .start();
        let checkpoints = CheckpointActor::new(capture.clone(), Arc::clone(&counters)).start();
        let (replica, standing) =
            ReplicaActor::new(boot_id, &config.deadlines, capture.clone(), gate.clone());
        let replica = replica.start();
        let reader = ReaderActor::new(Arc::<dyn StoreWriter>::clone(&store)).start();
        let (doctor, checkup) = match config.doctor_every {
            Some(every) => {
                let (doctor, checkup) = DoctorActor::new(
                    reader.clone(),
                    every,
                    longest_call(&config.deadlines, config.own_deadlines()),
                    Arc::clone(&counters),
                );
                (Some(doctor.start()), checkup)
            }
            None => (None, watch::channel(Checkup::default()).1),
        };
        let control_socket = process_lock::control_socket(&config);
        let (parts, in_force) = watch::channel(Arc::new(parts));
        let control = control_socket.and_then(|path| Control::open(path, in_force.clone()));
        let reloads = Arc::new(ReloadFigures::default());
        let latest = in_force.clone();
        let shared = Data::new(Shared {
            gate: gate.clone(),
            keys: KeyRing::default(),
            capture: capture.clone(),
            reader,
            counters: Arc::clone(&counters),
            parts: in_force,
            bodies: BodyBudget::default(),
            turns: Turns::default(),
            verifications: Turns::default(),
            audit_key: public_key,
            reloads: Arc::clone(&reloads),
            checkup,
            parted,
        });
        let fixed = Fixed { capture: capture.clone(), boot_id, counters: Arc::clone(&counters) };
        let factory = move || {
            // runs on the worker's own thread: what is made here is the worker's alone
            let slot = ServingSlot::new(fixed.clone(), latest.clone());
            let gate = shared.gate.clone();
            App::new()
                .wrap_fn(move |request, service| {
                    leaving::answer(gate.clone(), service.call(request))
                })
                .app_data(shared.clone())
                .app_data(Data::new(slot))
                .configure(routes)
        };
        let mut server = HttpServer::new(factory)
            // without it Nagle's algorithm holds back every second frame for 40 ms
            .tcp_nodelay(true)
            // with the default a client that has left is never noticed while the stream is silent
            .h1_allow_half_closed(false)
            .keep_alive(config.keep_alive)
            .shutdown_timeout(LAST_BYTES_S)
            .disable_signals();
        if let Some(workers) = config.workers {
            server = server.workers(workers);
        }
        let listen = |source| StartError::Listen { address: config.listen, source };
        let own_listener = listener.try_clone().map(Socket::from).map_err(listen)?;
        let server = server.listen(listener).map_err(listen)?;
        let address = server.addrs().first().copied().unwrap_or(config.listen);
        let server = server.run();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "awaited in drain")]
        let running = actix_web::rt::spawn(server);
        Ok(Server {
            address,
            handle,
            running,
            gate,
            boot_id,
            store,
            counters,
            listener: own_listener,
            reloader: Reloader::new(config, parts, capture.clone(), doctor, mock, reloads),
            capture,
            checkpoints,
            replica,
            standing,
            control,
            lock,
        })
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
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
                told = signals.next() => {
                    let last = match told {
                        Told::Stop => Told::Stop,
                        Told::Reload => self.reloader.reload_until_told_to_stop(&source, &mut signals).await,
                    };
                    if last == Told::Stop {
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

/// A spool that cannot be written is found now, and not when the store is away and the rows of
/// finished calls depend on it.
async fn try_spool(config: &Config, spool: &SharedSpool) -> Result<(), StartError> {
    match blocking(spool, SpoolFile::prepare).await {
        Err(ReplayError::Spool(error @ SpoolError::InUse { .. }))
            if config.spool.sharing == Sharing::FirstCome =>
        {
            tracing::warn!(%error, "this process has no spool: give it a `replica` name");
            Ok(())
        }
        other => Ok(other?),
    }
}

/// The steps that cannot be taken back: from here on this process is the replica.
async fn begin(
    config: &Config,
    store: &dyn StoreWriter,
    spool: &SharedSpool,
    lock: Option<&mut ProcessLock>,
) -> Result<BootId, StartError> {
    store.migrate().await?;
    let boot_id = BootId::mint();
    if let Some(lock) = lock {
        lock.name_holder(boot_id)?;
    }
    // first what really happened, then what can no longer be known
    let mut replayed = replay(store, spool).await?;
    if let Some(former) = &config.spool.former {
        replayed += replay_former(store, former).await?;
    }
    if replayed > 0 {
        tracing::info!(
            replayed,
            "calls that an earlier boot had put into the spool are in the store"
        );
    }
    let lost = store.begin_boot(boot_id, &config.replica).await?;
    if lost > 0 {
        tracing::warn!(
            lost,
            replica = config.replica,
            "calls that an earlier boot left open were closed as lost"
        );
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
        // nobody beats any more: that is for whoever watches capture
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
