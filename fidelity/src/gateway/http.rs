//! As much of HTTP/1.1 as one call needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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
    let head_end = find(&answer, b"\r\n\r\n").ok_or_else(|| io::Error::other("no head"))?;
    let head = String::from_utf8_lossy(&answer[..head_end]).to_ascii_lowercase();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| io::Error::other("no status"))?;
    let body = &answer[head_end + 4..];
    if head.contains("transfer-encoding: chunked") {
        Ok((status, unchunked(body)?))
    } else {
        Ok((status, body.to_vec()))
    }
}

/// The body of a request that has begun; `None` if there is no further one.
pub fn read_request(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let mut read = Vec::new();
    let mut piece = [0; 16 << 10];
    loop {
        if let Some(head_end) = find(&read, b"\r\n\r\n") {
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

fn unchunked(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end =
            find(rest, b"\r\n").ok_or_else(|| io::Error::other("a body that is not ended"))?;
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..line_end]), 16)
            .map_err(io::Error::other)?;
        if size == 0 {
            return Ok(body);
        }
        let chunk = rest
            .get(line_end + 2..line_end + 2 + size)
            .ok_or_else(|| io::Error::other("a chunk that is not ended"))?;
        body.extend_from_slice(chunk);
        rest = rest.get(line_end + 4 + size..).unwrap_or_default();
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
