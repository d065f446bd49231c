//! An HTTP/1 response out of the bytes that have come so far, for every client of the tests that
//! reads from a bare socket.

/// The head of a response.
#[derive(Debug, Clone)]
pub struct Head {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// In bytes, with the empty line.
    pub length: usize,
}

/// A body without its framing.
#[derive(Debug, Clone)]
pub struct Body {
    /// As far as it came.
    pub bytes: Vec<u8>,
    /// How many of the bytes behind the head are its own.
    pub used: usize,
    /// The chunked body had its last chunk, or the announced length came.
    pub complete: bool,
}

impl Head {
    /// `None` until all of it is there.
    pub fn parse(received: &[u8]) -> Option<Self> {
        let length = memchr::memmem::find(received, b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&received[..length]).into_owned();
        let mut lines = text.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers = pairs
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { status, headers, length })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body in the bytes behind this head.
    pub fn body(&self, received: &[u8]) -> Body {
        let bytes = &received[self.length..];
        if self.header("transfer-encoding") == Some("chunked") {
            return dechunked(bytes);
        }
        let length =
            self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let used = bytes.len().min(length);
        Body { bytes: bytes[..used].to_vec(), used, complete: used == length }
    }
}

fn dechunked(bytes: &[u8]) -> Body {
    let mut body = Vec::new();
    let mut used = 0;
    while let Some(line) = memchr::memmem::find(&bytes[used..], b"\r\n") {
        let digits = std::str::from_utf8(&bytes[used..used + line]).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(digits, 16) else { break };
        let data = used + line + 2;
        let next = data + size + 2;
        if bytes.len() < next {
            body.extend_from_slice(&bytes[data..bytes.len().min(data + size)]);
            break;
        }
        body.extend_from_slice(&bytes[data..data + size]);
        used = next;
        if size == 0 {
            return Body { bytes: body, used, complete: true };
        }
    }
    Body { bytes: body, used: bytes.len(), complete: false }
}
