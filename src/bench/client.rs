//! One connection: a call out, its answer in and timed. It is part of the product, so it shares
//! nothing with the clients of the tests.

use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::{self, After, Body, Ended, Event, Events, Head};
use super::target::{Ask, Delivery, Dialect};

/// Why a call does not count as answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    Connect,
    /// The connection ended before the head of the answer.
    Lost,
    Status(u16),
    /// The answer ended without its last event.
    Truncated,
    ErrorEvent,
    FrameCount,
    NotHttp,
    Timeout,
    /// The open loop had no connection left for it.
    NoConnection,
}

/// From when a call's times are counted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Since {
    Written,
    Due(Instant),
}

/// The times of one call.
#[derive(Debug, Default)]
pub struct Observed {
    pub first_content: Option<Duration>,
    pub total: Duration,
    /// Between one piece of content and the next, in nanoseconds.
    pub gaps_ns: Vec<u64>,
    /// From when a text frame was written to when it came, in nanoseconds.
    pub frames_ns: Vec<u64>,
    pub text_frames: u64,
    pub last_content: Option<Instant>,
}

pub(super) struct Client {
    addr: SocketAddr,
    stream: Option<TcpStream>,
    input: Vec<u8>,
}

impl Client {
    pub(super) fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None, input: Vec::with_capacity(64 * 1024) }
    }

    /// A connection that failed is not used again.
    pub(super) async fn call(
        &mut self,
        ask: &Ask,
        since: Since,
        timeout: Duration,
    ) -> Result<Observed, Failure> {
        let result = match tokio::time::timeout(timeout, self.attempt(ask, since)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout),
        };
        if result.is_err() {
            self.stream = None;
        }
        result
    }

    async fn attempt(&mut self, ask: &Ask, since: Since) -> Result<Observed, Failure> {
        // A server may close an idle connection at the moment of the write. A request on a kept
        // connection is sent once more on a new one.
        if let Some(stream) = self.stream.take() {
            match self.exchange(stream, ask, since).await {
                Err(Failure::Lost) => {}
                result => return result,
            }
        }
        let stream = TcpStream::connect(self.addr).await.map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        self.exchange(stream, ask, since).await
    }

    async fn exchange(
        &mut self,
        mut stream: TcpStream,
        ask: &Ask,
        since: Since,
    ) -> Result<Observed, Failure> {
        stream.write_all(&ask.bytes).await.map_err(|_| Failure::Lost)?;
        let start = match since {
            Since::Written => Instant::now(),
            Since::Due(due) => due,
        };
        self.input.clear();
        let (head, used) = loop {
            match answer::head(&self.input).map_err(|_| Failure::NotHttp)? {
                Some((head, used)) if head.status >= 200 => break (head, used),
                Some((_, used)) => {
                    self.input.drain(..used);
                    continue;
                }
                None => {}
            }
            if stream.read_buf(&mut self.input).await.map_err(|_| Failure::Lost)? == 0 {
                return Err(Failure::Lost);
            }
        };
        let mut observed = Observed::default();
        let mut reading = Reading {
            body: Body::new(head.framing),
            content: Vec::new(),
            events: Events::new(ask.dialect),
            terminator: Ended::No,
        };
        self.input.drain(..used);
        loop {
            reading.take(&self.input, ask, start, &mut observed)?;
            self.input.clear();
            if reading.body.ended == Ended::Yes {
                break;
            }
            match stream.read_buf(&mut self.input).await {
                Ok(0) | Err(_) if head.framing == answer::Framing::UntilClose => break,
                Ok(0) | Err(_) => {
                    return Err(if head.status == 200 {
                        Failure::Truncated
                    } else {
                        Failure::Status(head.status)
                    });
                }
                Ok(_) => {}
            }
        }
        observed.total = start.elapsed();
        reading.judge(head, ask, &observed)?;
        if head.after == After::Keep {
            self.stream = Some(stream);
        }
        Ok(observed)
    }
}

struct Reading {
    body: Body,
    content: Vec<u8>,
    events: Events,
    terminator: Ended,
}

impl Reading {
    fn take(
        &mut self,
        input: &[u8],
        ask: &Ask,
        start: Instant,
        observed: &mut Observed,
    ) -> Result<(), Failure> {
        if input.is_empty() {
            return Ok(());
        }
        self.body.take(input, &mut self.content).map_err(|_| Failure::NotHttp)?;
        if ask.delivery == Delivery::Whole {
            observed.first_content.get_or_insert_with(|| start.elapsed());
            return Ok(());
        }
        // All bytes of one read get the same time.
        let (now, now_ns) = (Instant::now(), epoch_ns());
        let mut failure = Ok(());
        self.events.scan(&mut self.content, |event| match event {
            Event::Text { written_ns } => {
                observed.text_frames += 1;
                observed.content(now, start);
                observed
                    .frames_ns
                    .extend(written_ns.map(|written_ns| now_ns.saturating_sub(written_ns)));
            }
            Event::OtherContent => observed.content(now, start),
            Event::Terminator => self.terminator = Ended::Yes,
            Event::Error => failure = Err(Failure::ErrorEvent),
            Event::Frame => {}
        });
        failure
    }

    fn judge(&self, head: Head, ask: &Ask, observed: &Observed) -> Result<(), Failure> {
        if head.status != 200 {
            return Err(Failure::Status(head.status));
        }
        let is_complete = match (ask.delivery, ask.dialect) {
            (Delivery::Stream, _) => self.terminator == Ended::Yes,
            (Delivery::Whole, Dialect::Anthropic) => {
                memmem::find(&self.content, b"\"stop_reason\":\"").is_some()
            }
            (Delivery::Whole, Dialect::Chat) => {
                memmem::find(&self.content, b"\"finish_reason\":\"").is_some()
            }
        };
        match ask.frames {
            _ if !is_complete => Err(Failure::Truncated),
            Some(frames) if ask.delivery == Delivery::Stream && frames != observed.text_frames => {
                Err(Failure::FrameCount)
            }
            _ => Ok(()),
        }
    }
}

impl Observed {
    fn content(&mut self, now: Instant, start: Instant) {
        self.first_content.get_or_insert_with(|| now.saturating_duration_since(start));
        if let Some(last) = self.last_content.replace(now) {
            self.gaps_ns.push(nanoseconds(now.saturating_duration_since(last)));
        }
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The clock of the markers.
fn epoch_ns() -> u64 {
    nanoseconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}
