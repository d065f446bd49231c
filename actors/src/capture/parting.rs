//! The database is not the one that was signed last: what it lacks is found out, told, and kept for
//! whoever declares it. Calls go on being served; nothing is signed until the break is declared.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use ainfera_schema::audit_break::Parting;
use ainfera_store::investigate::investigate;
use ainfera_store::{StoreError, StoreWriter};
use tokio::sync::watch;

use super::CaptureActor;
use super::checkpoint_file::of_the_last_branch;

/// What others are shown: None while the database has what was signed.
pub type Parted = Option<Arc<Parting>>;

/// Where this replica keeps what was signed, and its name.
#[derive(Debug, Clone)]
pub struct KeptPlace {
    /// None for a replica whose name does not last.
    pub recent: Option<PathBuf>,
    pub whole: Option<PathBuf>,
    pub replica: String,
}

/// How far this replica is with it.
#[derive(Debug)]
pub struct PartedState {
    place: KeptPlace,
    shown: watch::Sender<Parted>,
    asking: bool,
}

impl PartedState {
    pub fn new(place: KeptPlace) -> (Self, watch::Receiver<Parted>) {
        let (shown, seen) = watch::channel(None);
        (Self { place, shown, asking: false }, seen)
    }
}

/// Compares what is kept with the database, and notes there what it lacks. Returns what this
/// replica, or another one, found.
pub async fn look(
    store: &dyn StoreWriter,
    place: &KeptPlace,
) -> Result<Option<Parting>, StoreError> {
    let newest = store.newest_checkpoint().await?.map_or(0, |newest| newest.number);
    let (recent, whole) = (place.recent.clone(), place.whole.clone());
    let kept = tokio::task::spawn_blocking(move || match recent {
        Some(recent) => of_the_last_branch(&recent, whole.as_deref(), newest),
        None => Ok(Vec::new()),
    });
    let kept = match kept.await {
        Ok(Ok(kept)) => kept,
        Ok(Err(error)) => {
            return Err(StoreError::Unavailable(format!(
                "checkpoints kept outside cannot be read: {error}"
            )));
        }
        Err(_) => {
            return Err(StoreError::Unavailable("reader of checkpoints was stopped".to_owned()));
        }
    };
    let found = investigate(store, &kept, &place.replica).await?;
    if let Some(parting) = &found {
        store.note_parting(parting.clone()).await?;
    }
    match found {
        Some(parting) => Ok(Some(parting)),
        None => {
            Ok(store.open_partings().await?.into_iter().max_by_key(|parting| parting.lost_number))
        }
    }
}

/// The file beside the spool in which a replica keeps what was signed last.
pub fn kept_beside(spool: &Path) -> PathBuf {
    let mut name = spool.as_os_str().to_owned();
    name.push(".signed");
    PathBuf::from(name)
}

impl CaptureActor {
    /// The store signed nothing because of it.
    pub(super) fn is_parted(&mut self, context: &mut Context<Self>) {
        let Some(state) =
            self.checkpointing.as_mut().and_then(|checkpointing| checkpointing.parted.as_mut())
        else {
            return;
        };
        if state.asking || state.shown.borrow().is_some() {
            return;
        }
        state.asking = true;
        self.counters.audit_parted.set(1);
        let (store, place) = (Arc::clone(&self.store), state.place.clone());
        let looked = async move { look(&*store, &place).await }.into_actor(self);
        context.spawn(looked.map(|found, actor, _| {
            let checkpointing = actor.checkpointing.as_mut();
            let Some(state) = checkpointing.and_then(|checkpointing| checkpointing.parted.as_mut())
            else {
                return;
            };
            state.asking = false;
            match found {
                Ok(Some(parting)) => {
                    tell(&parting);
                    state.shown.send_replace(Some(Arc::new(parting)));
                }
                // it was declared meanwhile
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "the database is not the one that was signed last; what it lacks cannot be found out yet")
                }
            }
        }));
    }

    /// The store signs, or would: the database has what was signed, or a declared break says why
    /// not.
    pub(super) fn is_whole(&mut self) {
        let Some(state) =
            self.checkpointing.as_mut().and_then(|checkpointing| checkpointing.parted.as_mut())
        else {
            return;
        };
        self.counters.audit_parted.set(0);
        if state.shown.send_replace(None).is_some() {
            tracing::info!("the break of the audit was declared: checkpoints are signed again");
        }
    }
}

fn tell(parting: &Parting) {
    for events in parting.missing.iter().take(20) {
        tracing::error!(
            chain = events.agent_id,
            first_seq = events.first_seq,
            last_seq = events.last_seq,
            "signed events are missing"
        );
    }
    tracing::error!(
        parted_after = parting.parted_after,
        since = parting.parted_at.as_deref().unwrap_or("the beginning"),
        lost_checkpoint = parting.lost_number,
        lost_at = parting.lost_created_at,
        chains = parting.missing.len(),
        missing_events = parting.missing_events,
        listing = ?parting.listing,
        found_by = parting.found_by,
        "the database lacks what was signed: a backup was restored, or a standby that lagged was promoted. Calls are served, nothing is signed \
         until `ainfera audit continue --reason TEXT` declares the break"
    );
}
