//! ReaderActor: answers questions about what is kept. It lives on the main arbiter beside
//! CaptureActor, because database connections do; workers never touch one.

use std::sync::Arc;

use actix::{Actor, Addr, Context, Handler, Message, ResponseFuture};
use ainfera_store::{StoreError, StoreReader};
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

type Question = Box<dyn FnOnce(Arc<dyn StoreReader>) -> BoxFuture<'static, ()> + Send>;

/// A question; its answer goes through the channel that it holds.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Ask(Question);

/// See the module.
pub struct ReaderActor {
    store: Arc<dyn StoreReader>,
}

impl ReaderActor {
    pub fn new(store: Arc<dyn StoreReader>) -> Self {
        Self { store }
    }
}

impl Actor for ReaderActor {
    type Context = Context<Self>;
}

impl Handler<Ask> for ReaderActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, ask: Ask, _: &mut Self::Context) -> Self::Result {
        ask.0(Arc::clone(&self.store))
    }
}

/// Asks the store something from any thread. A question cannot write:
///
/// ```compile_fail
/// # use actix::Addr;
/// # use ainfera_actors::reader::{ReaderActor, ask};
/// # use ainfera_store::CaptureBatch;
/// async fn write(reader: &Addr<ReaderActor>, batch: CaptureBatch) {
///     let _ = ask(reader, |store| Box::pin(async move { store.capture(batch).await })).await;
/// }
/// ```
///
/// ```
/// # use actix::Addr;
/// # use ainfera_actors::reader::{ReaderActor, ask};
/// async fn look(reader: &Addr<ReaderActor>) {
///     let _ = ask(reader, |store| Box::pin(async move { store.ping().await })).await;
/// }
/// ```
pub async fn ask<T, F>(reader: &Addr<ReaderActor>, question: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce(Arc<dyn StoreReader>) -> BoxFuture<'static, Result<T, StoreError>> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let question = Ask(Box::new(move |store| {
        Box::pin(async move {
            // nobody waits any more: nothing to do
            let _ = reply.send(question(store).await);
        })
    }));
    let gone = || StoreError::Unavailable("reader has stopped".to_owned());
    reader.send(question).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}
