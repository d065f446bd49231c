//! What became of one request on the wire, below HTTP: which connection it took, and how much of an
//! answer came.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::time::Instant;

thread_local! {
    /// The request whose future is being polled. The HTTP client connects and writes inside that
    /// poll and nowhere else.
    static CURRENT: RefCell<Option<Rc<Trace>>> = const { RefCell::new(None) };
}

/// See the module.
#[derive(Debug, Default)]
pub struct Trace {
    connection: Cell<Connection>,
    answer_bytes: Cell<u64>,
    wrote_at: Cell<Option<Instant>>,
    connected_in: Cell<Duration>,
}

/// The connection that carried a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Connection {
    /// Nothing of the request was written.
    #[default]
    None,
    /// It was made for this request.
    Fresh,
    /// It had carried another one before.
    Kept,
}

impl Trace {
    pub fn connection(&self) -> Connection {
        self.connection.get()
    }

    /// How much of an answer came, heads and framing included.
    pub fn answer_bytes(&self) -> u64 {
        self.answer_bytes.get()
    }

    /// How long ago the request began to be written.
    pub fn since_written(&self) -> Duration {
        self.wrote_at.get().map_or(Duration::ZERO, |at| at.elapsed())
    }

    /// How long it took to make the connection: at least one way to the provider and back.
    pub fn connected_in(&self) -> Duration {
        self.connected_in.get()
    }

    pub(super) fn wrote_on(&self, connection: Connection, connected_in: Duration) {
        self.connection.set(connection);
        self.connected_in.set(connected_in);
        self.wrote_at.set(Some(Instant::now()));
    }

    pub(super) fn read(&self, bytes: usize) {
        self.answer_bytes.set(self.answer_bytes.get() + bytes as u64);
    }

    pub(super) fn current() -> Option<Rc<Trace>> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// A request's future, with its trace in sight while it is polled.
pub struct Traced<'f, T> {
    trace: Rc<Trace>,
    request: LocalBoxFuture<'f, T>,
}

impl<'f, T> Traced<'f, T> {
    pub fn new(trace: Rc<Trace>, request: LocalBoxFuture<'f, T>) -> Self {
        Self { trace, request }
    }
}

impl<T> Future for Traced<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let _here = Here { outer: CURRENT.replace(Some(Rc::clone(&self.trace))) };
        self.request.as_mut().poll(context)
    }
}

/// Puts back what was current before, also when the poll panics.
struct Here {
    outer: Option<Rc<Trace>>,
}

impl Drop for Here {
    fn drop(&mut self) {
        CURRENT.replace(self.outer.take());
    }
}
