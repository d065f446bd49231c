//! A thread that owns a connection and does one job after the other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread::JoinHandle;

use futures_util::FutureExt;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::{StoreError, StoreFuture};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// Ends, and closes its connection, when dropped.
pub(super) struct Worker {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(name: &str, mut connection: Connection) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let work = move || {
            while let Ok(job) = queue.recv() {
                job(&mut connection);
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let thread = thread.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Queues the job now; the future only waits for the answer. A job whose future is dropped is
    /// still done.
    pub(super) fn run<T, F>(&self, job: F) -> StoreFuture<'static, T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // the next job still has to be done, and this one would panic again: it is not for
            // trying again as it is
            let panicked = |_| Err(StoreError::Statement("job panicked".to_owned()));
            let answer =
                catch_unwind(AssertUnwindSafe(|| job(connection))).unwrap_or_else(panicked);
            // nobody waits any more: the answer has no reader, the work was wanted all the same
            let _ = reply.send(answer);
        });
        if let Some(jobs) = &self.jobs {
            // a queue without its thread drops the job, and with it the reply
            let _ = jobs.send(job);
        }
        async {
            answer.await.unwrap_or_else(|_| {
                Err(StoreError::Unavailable("database thread gave no answer".to_owned()))
            })
        }
        .boxed()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_costs_only_its_own_answer() {
        let worker = Worker::start("test", Connection::open_in_memory().unwrap()).unwrap();
        let lost = worker.run::<(), _>(|_| panic!("on purpose")).await;
        assert!(
            matches!(lost, Err(StoreError::Statement(_))),
            "sent again as it is, it would panic for ever"
        );
        let found = worker
            .run(|connection| Ok(connection.query_row("SELECT 7", (), |row| row.get::<_, i64>(0))?))
            .await;
        assert_eq!(found.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_was_queued_is_done_before_the_worker_ends() {
        let worker = Worker::start("test", Connection::open_in_memory().unwrap()).unwrap();
        let first = worker.run(|connection| Ok(connection.execute("CREATE TABLE t (x)", ())?));
        let second =
            worker.run(|connection| Ok(connection.execute("INSERT INTO t VALUES (1)", ())?));
        drop(worker);
        assert_eq!((first.await.unwrap(), second.await.unwrap()), (0, 1));
    }
}
