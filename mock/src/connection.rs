//! One TCP connection: requests in, steps out, until the client leaves or a fault ends it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::answer::{AnswerKind, Answerer, now_ns};
use crate::fault::{End, Step};
use crate::frames::MARKER_DIGITS;
use crate::stats::Counters;
use crate::stream::Stream;

const MOST_HEADERS: usize = 100;
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(crate) struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) async fn serve(
    socket: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    answerer: Arc<Answerer>,
    counters: Arc<Counters>,
) {
    let stream = match Stream::accept(socket, tls).await {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "no TLS with this client"),
    };
    let mut connection = Connection { stream, input: Vec::with_capacity(8 * 1024) };
    if let Err(error) = connection.run(&answerer, &counters).await {
        tracing::debug!(%error, "connection ended");
    }
}

struct Connection {
    stream: Stream,
    /// Received, not yet used.
    input: Vec<u8>,
}

impl Connection {
    async fn run(&mut self, answerer: &Answerer, counters: &Arc<Counters>) -> io::Result<()> {
        while let Some(request) = self.read_request().await? {
            let last = request
                .header("connection")
                .is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let answering = counters.answering();
            let answer = answerer.answer(request);
            if answer.kind == AnswerKind::Stream {
                counters.streams_started.fetch_add(1, Relaxed);
            }
            let end = match self.play(answer.steps).await {
                Ok(end) => end,
                Err(gone) => {
                    counters.aborted.fetch_add(1, Relaxed);
                    return Err(gone);
                }
            };
            if answer.kind == AnswerKind::Stream {
                counters.streams_finished.fetch_add(1, Relaxed);
            }
            drop(answering);
            match end {
                End::KeepAlive if !last => {}
                End::KeepAlive | End::Close => return self.stream.shutdown().await,
                End::Reset => return self.stream.socket().set_linger(Some(Duration::ZERO)),
            }
        }
        Ok(())
    }

    /// Fails when the client leaves before the last step.
    async fn play(&mut self, steps: Vec<Step>) -> io::Result<End> {
        let mut due = Instant::now();
        for step in steps {
            match step {
                Step::Write { mut bytes, markers } => {
                    stamp(&mut bytes, &markers);
                    self.stream.write_all(&bytes).await?;
                    self.stream.flush().await?;
                }
                Step::Pause { ms } => {
                    due += Duration::from_millis(ms);
                    self.wait(Some(due)).await?;
                }
                Step::Hang => self.wait(None).await?,
                Step::End(end) => return Ok(end),
            }
        }
        Ok(End::Close)
    }

    /// Until `due`, or for ever; fails as soon as the client leaves.
    async fn wait(&mut self, due: Option<Instant>) -> io::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = until(due) => return Ok(()),
                read = self.stream.read_buf(&mut self.input) => {
                    if read? == 0 || self.input.len() > MOST_BYTES {
                        return Err(io::ErrorKind::ConnectionAborted.into());
                    }
                }
            }
        }
    }

    /// None when the client is done with the connection.
    async fn read_request(&mut self) -> io::Result<Option<Request>> {
        let (mut request, framing) = loop {
            if let Some((request, framing, used)) = parse_head(&self.input)? {
                self.input.drain(..used);
                break (request, framing);
            }
            if self.read_more().await? == 0 {
                return if self.input.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            self.stream.flush().await?;
        }
        match framing {
            Framing::Length(length) => {
                self.input.reserve(length.min(MOST_BYTES));
                while self.input.len() < length {
                    self.read_body_bytes().await?;
                }
                let rest = self.input.split_off(length);
                request.body = std::mem::replace(&mut self.input, rest);
            }
            Framing::Chunked => loop {
                let Some((size, line)) = parse_chunk(&self.input)? else {
                    self.read_body_bytes().await?;
                    continue;
                };
                while self.input.len() < line + size + 2 {
                    self.read_body_bytes().await?;
                }
                request.body.extend_from_slice(&self.input[line..line + size]);
                self.input.drain(..line + size + 2);
                if size == 0 {
                    break;
                }
            },
        }
        Ok(Some(request))
    }

    async fn read_body_bytes(&mut self) -> io::Result<()> {
        if self.read_more().await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    async fn read_more(&mut self) -> io::Result<usize> {
        if self.input.len() > MOST_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "request too large"));
        }
        self.stream.read_buf(&mut self.input).await
    }
}

/// Never ends where no time is given.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[derive(Clone, Copy)]
enum Framing {
    Length(usize),
    Chunked,
}

/// The request line and headers, how the body comes, and how many bytes the head took.
fn parse_head(input: &[u8]) -> io::Result<Option<(Request, Framing, usize)>> {
    let mut slots = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut slots);
    let used = match parsed.parse(input).map_err(invalid)? {
        httparse::Status::Complete(used) => used,
        httparse::Status::Partial => return Ok(None),
    };
    let headers = parsed.headers.iter().map(|header| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    });
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: parsed.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let framing = match (request.header("transfer-encoding"), request.header("content-length")) {
        (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => Framing::Chunked,
        (_, Some(length)) => Framing::Length(length.trim().parse().map_err(invalid)?),
        _ => Framing::Length(0),
    };
    match framing {
        Framing::Length(length) if length > MOST_BYTES => Err(invalid("request too large")),
        _ => Ok(Some((request, framing, used))),
    }
}

/// The size of the chunk at the start of `input` and the length of the line that says so.
fn parse_chunk(input: &[u8]) -> io::Result<Option<(usize, usize)>> {
    match httparse::parse_chunk_size(input) {
        Ok(httparse::Status::Complete((line, size))) => match usize::try_from(size) {
            Ok(size) if size <= MOST_BYTES => Ok(Some((size, line))),
            _ => Err(invalid("chunk too large")),
        },
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(invalid("chunk size is not a number")),
    }
}

fn stamp(bytes: &mut [u8], markers: &[usize]) {
    if markers.is_empty() {
        return;
    }
    let digits = format!("{:0width$x}", now_ns(), width = MARKER_DIGITS);
    for &marker in markers {
        if let Some(place) = bytes.get_mut(marker..marker + MARKER_DIGITS) {
            place.copy_from_slice(digits.as_bytes());
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
