//! One connection to a provider as the HTTP client sees it: plain bytes. It tells the request's
//! trace what happens, and puts answers' heads right.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_rt::net::{ActixStream, Ready};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::answer_head::AnswerHead;
use super::trace::{Connection, Trace};

/// Whatever carries bytes both ways: TCP, TLS over it, TLS through a tunnel.
pub trait Bytestream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Bytestream for T {}

/// See the module.
pub struct Socket {
    stream: Box<dyn Bytestream>,
    /// Which connection the next request will have.
    next: Connection,
    connected_in: Duration,
    trace: Option<Rc<Trace>>,
    phase: Phase,
    /// Read, put right, and not taken yet.
    ready: BytesMut,
    /// Why the rest of the request cannot be sent. The provider may have said the reason before it
    /// closed.
    write_failure: Option<io::Error>,
}

/// What the next bytes from the provider are.
enum Phase {
    /// Nothing was asked that is not answered.
    Between,
    Head(AnswerHead),
    Body,
}

const READ_BYTES: usize = 8 << 10;

impl Socket {
    /// A new connection, and how long it took to make it.
    pub fn new(stream: Box<dyn Bytestream>, connected_in: Duration) -> Self {
        Self {
            stream,
            next: Connection::Fresh,
            connected_in,
            trace: None,
            phase: Phase::Between,
            ready: BytesMut::new(),
            write_failure: None,
        }
    }

    /// The client writes only when it has read the answer before: this is a new request.
    fn begin_request(&mut self) {
        self.trace = Trace::current();
        if let Some(trace) = &self.trace {
            trace.wrote_on(self.next, self.connected_in);
        }
        self.next = Connection::Kept;
        self.phase = Phase::Head(AnswerHead::default());
    }

    fn note_read(&self, bytes: usize) {
        if let Some(trace) = &self.trace {
            trace.read(bytes);
        }
    }

    /// Reads until the final head is whole. Ready with nothing read means that the provider closed
    /// before its first byte.
    fn poll_head(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0u8; READ_BYTES];
        loop {
            let Phase::Head(head) = &mut self.phase else { return Poll::Ready(Ok(())) };
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            let bytes = buffer.filled();
            if read.is_err() || bytes.is_empty() {
                let cut = !head.is_empty();
                let failure = self.write_failure.take().or(read.err());
                return Poll::Ready(match failure {
                    Some(error) => Err(error),
                    None if cut => Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the answer's head was cut",
                    )),
                    None => Ok(()),
                });
            }
            if let Some(trace) = &self.trace {
                trace.read(bytes.len());
            }
            match head.push(bytes) {
                Ok(None) => {}
                Ok(Some(answer)) => {
                    self.ready = answer;
                    self.phase = Phase::Body;
                }
                Err(fault) => {
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
            }
        }
    }

    fn give_ready(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready[..length]);
        self.ready.advance(length);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Phase::Head(_) = this.phase {
            ready!(this.poll_head(context))?;
        }
        if !this.ready.is_empty() {
            this.give_ready(buffer);
            return Poll::Ready(Ok(()));
        }
        match this.phase {
            // closed before the first byte of an answer
            Phase::Head(_) => Poll::Ready(Ok(())),
            Phase::Between | Phase::Body => {
                let before = buffer.filled().len();
                let read = Pin::new(&mut this.stream).poll_read(context, buffer);
                this.note_read(buffer.filled().len() - before);
                read
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !matches!(this.phase, Phase::Head(_)) {
            this.begin_request();
        }
        if this.write_failure.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut this.stream).poll_write(context, bytes)) {
            Ok(written) => Poll::Ready(Ok(written)),
            // the answer, if there is one, says more than this error
            Err(error) => {
                this.write_failure = Some(error);
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.write_failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        if let Err(error) = ready!(Pin::new(&mut this.stream).poll_flush(context)) {
            this.write_failure = Some(error);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// The HTTP client asks for this where it waits for a socket to become usable, which it does on
/// servers' side only.
impl ActixStream for Socket {
    fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::READABLE))
    }

    fn poll_write_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        Poll::Ready(Ok(Ready::WRITABLE))
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("next", &self.next).finish_non_exhaustive()
    }
}
