//! TCP to a provider or a proxy: the addresses of its name are tried side by side (RFC 8305, "Happy
//! Eyeballs").

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::addresses::in_turn;
use super::failure::{ConnectFailure, Step, plain};

/// The next address is tried when the ones before have been silent for so long (RFC 8305, section
/// 8).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// A machine that is gone is found after a minute: three questions, the first after as much
/// silence.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEP_ALIVE_QUESTIONS: u32 = 3;
/// The same for what was sent and is not acknowledged.
const UNACKNOWLEDGED_FOR: Duration = Duration::from_secs(60);

/// A connection to the first address of `host` that takes one, ready for streams. A failure by time
/// says which step was not done by `deadline`.
pub async fn connect(
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<TcpStream, ConnectFailure> {
    let unresolved = |why: String| ConnectFailure::NameNotResolved { host: host.to_owned(), why };
    let resolved = timeout_at(deadline, tokio::net::lookup_host((host, port))).await;
    let resolved = resolved.map_err(|_| ConnectFailure::TimedOut(Step::NameLookUp))?;
    let addresses = in_turn(resolved.map_err(|error| unresolved(error.to_string()))?.collect());
    if addresses.is_empty() {
        return Err(unresolved("it has no address".to_owned()));
    }
    let socket = timeout_at(deadline, first_of(addresses))
        .await
        .map_err(|_| ConnectFailure::TimedOut(Step::Tcp))??;
    prepare(&socket);
    Ok(socket)
}

async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, ConnectFailure> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut first_failure = None;
    loop {
        if let Some(address) = waiting.next() {
            running.push(async move { (address, TcpStream::connect(address).await) });
        } else if running.is_empty() {
            break;
        }
        let more_to_come = waiting.len() > 0;
        tokio::select! {
            biased;
            Some((address, result)) = running.next() => match result {
                Ok(socket) => return Ok(socket),
                Err(error) => {
                    let failure = ConnectFailure::Tcp { address, why: plain(&error) };
                    first_failure.get_or_insert(failure);
                }
            },
            () = sleep(NEXT_ADDRESS_AFTER), if more_to_come => {}
        }
    }
    Err(first_failure.unwrap_or(ConnectFailure::TimedOut(Step::Tcp)))
}

/// Without Nagle's algorithm a request that is written in two parts does not wait for an
/// acknowledgement.
fn prepare(socket: &TcpStream) {
    let options = SockRef::from(socket);
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE_EVERY)
        .with_interval(KEEP_ALIVE_EVERY)
        .with_retries(KEEP_ALIVE_QUESTIONS);
    let set = [
        options.set_tcp_nodelay(true),
        options.set_tcp_keepalive(&keep_alive),
        unacknowledged(&options),
    ];
    for error in set.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option cannot be set");
    }
}

/// Data that is not acknowledged makes TCP ask no questions: it sends it again, for a quarter of an
/// hour.
#[cfg(target_os = "linux")]
fn unacknowledged(options: &SockRef<'_>) -> std::io::Result<()> {
    options.set_tcp_user_timeout(Some(UNACKNOWLEDGED_FOR))
}

#[cfg(not(target_os = "linux"))]
fn unacknowledged(_: &SockRef<'_>) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    /// An address that does not even refuse: its queue is full, so the system drops what comes.
    fn black() -> (Socket, Vec<Socket>, SocketAddr) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let waiting = (0..4).map(|_| {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&address.into());
            client
        });
        let waiting = waiting.collect();
        (listener, waiting, address)
    }

    #[tokio::test]
    async fn a_black_address_is_passed_by() {
        let (_listener, _waiting, black) = black();
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = good.local_addr().unwrap();
        let alone = timeout(Duration::from_millis(300), first_of(vec![black])).await;
        assert!(alone.is_err(), "the address is not black");
        let socket = timeout(Duration::from_secs(20), first_of(vec![black, black, address]))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(socket.peer_addr().unwrap(), address);
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_at_once_and_the_first_failure_is_told() {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = good.local_addr().unwrap();
        assert_eq!(first_of(vec![closed, address]).await.unwrap().peer_addr().unwrap(), address);
        let failure = first_of(vec![closed]).await.unwrap_err();
        assert_eq!(
            failure,
            ConnectFailure::Tcp { address: closed, why: "connection refused".to_owned() }
        );
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_named() {
        let failure = connect("nowhere.invalid", 443, Instant::now() + Duration::from_secs(20))
            .await
            .unwrap_err();
        assert!(
            matches!(failure, ConnectFailure::NameNotResolved { ref host, .. } if host == "nowhere.invalid"),
            "{failure}"
        );
    }
}
