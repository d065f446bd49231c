//! A provider that answers every request with the same recorded bytes.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::http::read_request;
use crate::recording::Form;

/// Bytes of one write: small, so that events arrive in pieces.
const WRITE_BYTES: usize = 997;

pub struct ProviderServer {
    address: SocketAddr,
    answer: Arc<Mutex<(Form, Vec<u8>)>>,
}

impl ProviderServer {
    /// On a port of its own, until the program ends.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let answer = Arc::new(Mutex::new((Form::Streamed, Vec::new())));
        let said = Arc::clone(&answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let said = Arc::clone(&said);
                std::thread::spawn(move || serve(stream, &said));
            }
        });
        Ok(Self { address, answer })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the next requests are answered with.
    pub fn say(&self, form: Form, body: Vec<u8>) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = (form, body);
    }
}

fn serve(mut stream: TcpStream, said: &Mutex<(Form, Vec<u8>)>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    while read_request(&mut stream)?.is_some() {
        let (form, body) = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (status, content_type) = match form {
            Form::Streamed => (200, "text/event-stream"),
            Form::Whole => (200, "application/json"),
            Form::Refusal(status) => (status, "application/json"),
        };
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        )?;
        for piece in body.chunks(WRITE_BYTES) {
            stream.write_all(piece)?;
        }
    }
    Ok(())
}
