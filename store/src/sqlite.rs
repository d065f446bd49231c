//! The embedded store: one file, one thread that writes, and three that read: for calls and probes,
//! for callers' pages, for whole chains.

mod adjust;
mod administer;
mod audit;
mod call;
mod capture;
mod columns;
mod connect;
mod doctor;
mod error;
mod idempotency;
mod insert;
mod migrate;
mod parting;
mod quarantine;
mod read;
mod reader;
mod recent;
mod register;
mod replica;
mod rows;
pub(crate) mod value;
mod worker;
mod writer;

use std::path::{Path, PathBuf};

use worker::Worker;

use crate::StoreError;
use crate::replica::{Reaped, Scope};

/// A store in a file, or in memory for tests. It is closed when dropped.
pub struct SqliteStore {
    writer: Worker,
    /// None in memory, where a second connection would wait for table locks.
    readers: Option<Readers>,
    /// None in memory.
    path: Option<PathBuf>,
}

/// A thread and a connection for each kind of reading, so that none waits for another.
struct Readers {
    /// What every call and every probe needs: keys, readiness.
    lookups: Worker,
    /// What callers read of their own rows.
    pages: Worker,
    /// Whole chains.
    auditor: Worker,
}

impl SqliteStore {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let writer = Worker::start("sqlite-writer", connect::writer(path)?)?;
        let reader = |name| Worker::start(name, connect::reader(path)?);
        let readers = Readers {
            lookups: reader("sqlite-lookups")?,
            pages: reader("sqlite-reader")?,
            auditor: reader("sqlite-auditor")?,
        };
        Ok(Self { writer, readers: Some(readers), path: Some(path.to_owned()) })
    }

    pub fn in_memory() -> Result<Self, StoreError> {
        Ok(Self {
            writer: Worker::start("sqlite-writer", connect::in_memory()?)?,
            readers: None,
            path: None,
        })
    }

    fn reader(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.pages)
    }

    fn lookups(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.lookups)
    }

    fn auditor(&self) -> &Worker {
        self.readers.as_ref().map_or(&self.writer, |readers| &readers.auditor)
    }
}

impl SqliteStore {
    /// How many calls were closed. Each page is a job of its own, so that captures come in between.
    async fn reap_pages(&self, scope: Scope) -> Result<u64, StoreError> {
        let mut closed = 0;
        loop {
            let scope = scope.clone();
            match self.writer.run(move |connection| replica::reap_page(connection, &scope)).await? {
                Reaped::Some(calls) => closed += calls,
                Reaped::Nothing => return Ok(closed),
            }
        }
    }
}
