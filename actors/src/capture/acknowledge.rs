//! When a client is told that its answer is over.

use tokio::sync::oneshot;

/// Whether the last word of an answer waits for the answer's row.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// First the row is durable, then the client hears that this was all: no crash can make the row
    /// of an answered call say that it was lost.
    #[default]
    BeforeStop,
    /// The last word goes out as it comes.
    After,
}

/// Answered when the row is durable: in the store, or in the spool. Closed without an answer when
/// it never will be.
pub type Acknowledgement = oneshot::Receiver<()>;
