//! As much of HTTP/1.1 as one call needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::http_response::Head;

/// Status and body of one call, on a connection of its own.
pub fn post(address: SocketAddr, path: &str, key: &str, body: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = Head::parse(&answer).ok_or_else(|| io::Error::other("no head"))?;
    let body = head.body(&answer);
    if !body.complete {
        return Err(io::Error::other("a body that is not ended"));
    }
    Ok((head.status, body.bytes))
}

/// The body of a request that has begun; `None` if there is no further one.
pub fn read_request(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        if let Some(head_end) = memchr::memmem::find(&read, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..head_end]).to_ascii_lowercase();
            let length = head
                .split("content-length:")
                .nth(1)
                .and_then(|rest| rest.lines().next())
                .and_then(|length| length.trim().parse().ok());
            let body_end = head_end + 4 + length.unwrap_or(0);
            if read.len() >= body_end {
                return Ok(Some(read.split_off(head_end + 4)));
            }
        }
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(None);
        }
        read.extend_from_slice(&piece[..count]);
    }
}
