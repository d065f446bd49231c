//! A proxy is asked to connect to the provider (RFC 9110, section 9.3.6).

use ainfera_schema::Proxy;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::ProxyFault;
use super::target::Target;

/// A proxy's answer longer than this is none.
const MAX_ANSWER_BYTES: usize = 16 << 10;
const MAX_HEADER_LINES: usize = 64;

/// Asks over `socket` for a tunnel to `target`. What is written to it afterwards is for the
/// provider.
pub async fn open_tunnel(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &Target,
) -> Result<(), ProxyFault> {
    let closed = |_| ProxyFault::Closed;
    socket.write_all(request(proxy, target).as_bytes()).await.map_err(closed)?;
    socket.flush().await.map_err(closed)?;
    let mut answer = Vec::new();
    loop {
        if let Some(status) = status_of(&answer)? {
            return match status {
                200..=299 => Ok(()),
                407 => Err(ProxyFault::AuthenticationRequired),
                status => Err(ProxyFault::Refused(status)),
            };
        }
        if answer.len() >= MAX_ANSWER_BYTES {
            return Err(ProxyFault::NotHttp);
        }
        // one byte at a time: what follows the head is the provider's
        let byte = socket.read_u8().await.map_err(closed)?;
        answer.push(byte);
    }
}

fn request(proxy: &Proxy, target: &Target) -> String {
    let authority = target.authority();
    let authorization = proxy
        .authorization
        .as_ref()
        .map(|secret| format!("proxy-authorization: {}\r\n", secret.expose()));
    format!(
        "CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{}\r\n",
        authorization.unwrap_or_default()
    )
}

/// The status once the head is whole.
fn status_of(answer: &[u8]) -> Result<Option<u16>, ProxyFault> {
    if !answer.ends_with(b"\n") {
        return Ok(None);
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADER_LINES];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(answer) {
        Ok(httparse::Status::Complete(_)) => Ok(response.code),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(ProxyFault::NotHttp),
    }
}

#[cfg(test)]
mod tests {
    use ainfera_schema::{ProxySecurity, Secret};
    use tokio::io::duplex;

    use super::*;

    async fn answered(answer: &[u8]) -> (Result<(), ProxyFault>, String, Vec<u8>) {
        let proxy = Proxy {
            security: ProxySecurity::Plain,
            host: "proxy".to_owned(),
            port: 3128,
            authorization: Some(Secret::new("Basic dTpw".to_owned())),
        };
        let target = Target {
            host: "api.example".to_owned(),
            port: 443,
            security: super::super::target::Security::Tls,
        };
        let (mut ours, mut theirs) = duplex(4096);
        theirs.write_all(answer).await.unwrap();
        theirs.shutdown().await.unwrap();
        let result = open_tunnel(&mut ours, &proxy, &target).await;
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        drop(ours);
        let mut asked = String::new();
        theirs.read_to_string(&mut asked).await.unwrap();
        (result, asked, rest)
    }

    #[tokio::test]
    async fn the_proxy_is_asked_with_its_password_and_keeps_nothing_of_what_follows() {
        let (result, asked, rest) =
            answered(b"HTTP/1.1 200 Connection established\r\nvia: p\r\n\r\nTLS").await;
        assert_eq!(result, Ok(()));
        assert_eq!(
            asked,
            "CONNECT api.example:443 HTTP/1.1\r\nhost: api.example:443\r\nproxy-authorization: Basic dTpw\r\n\r\n"
        );
        assert_eq!(rest, b"TLS");
    }

    #[tokio::test]
    async fn every_other_answer_is_a_fault_with_a_name() {
        for (answer, fault) in [
            (
                &b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..],
                ProxyFault::AuthenticationRequired,
            ),
            (b"HTTP/1.0 403 Filtered\r\nx: y\r\n\r\n", ProxyFault::Refused(403)),
            (b"HTTP/1.1 200 OK\r\nx: y\r\n", ProxyFault::Closed),
            (b"", ProxyFault::Closed),
            (b"SSH-2.0-OpenSSH\r\n\r\n", ProxyFault::NotHttp),
        ] {
            assert_eq!(answered(answer).await.0, Err(fault));
        }
    }
}
