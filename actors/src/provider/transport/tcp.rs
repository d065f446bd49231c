//! TCP to a provider or a proxy: the addresses of its name are tried side by side (RFC 8305, "Happy Eyeballs").

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};

use super::addresses::in_turn;
use super::failure::{ConnectFailure, Step, plain};

/// The next address is tried when the ones before have been silent for so long (RFC 8305, section 8).
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);
/// A machine that is gone is found after a minute: three questions, the first after as much silence.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEP_ALIVE_QUESTIONS: u32 = 3;
/// The same for what was sent and is not acknowledged.
const UNACKNOWLEDGED_FOR: Duration = Duration::from_secs(60);

/// A connection to the first address of `host` that takes one, ready for streams. A failure by time says which step was not done by `deadline`.
pub async fn connect(host: &str, port: u16, deadline: Instant) -> Result<TcpStream, ConnectFailure> {
    let unresolved = |why: String| ConnectFailure::NameNotResolved { host: host.to_owned(), why };
    let resolved = timeout_at(deadline, tokio::net::lookup_host((host, port))).await;
    let resolved = resolved.map_err(|_| ConnectFailure::TimedOut(Step::NameLookUp))?;
    let addresses = in_turn(resolved.map_err(|error| unresolved(error.to_string()))?.collect());
    if addresses.is_empty() {
        return Err(unresolved("it has no address".to_owned()));
    }
    let socket = timeout_at(deadline, first_of(addresses)).await.map_err(|_| ConnectFailure::TimedOut(Step::Tcp))??;
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
                    first_failure.get_or_insert(ConnectFailure::Tcp { address, why: plain(&error) });
                }
            },
            () = sleep(NEXT_ADDRESS_AFTER), if more_to_come => {}
        }
    }
    Err(first_failure.unwrap_or(ConnectFailure::TimedOut(Step::Tcp)))
}

/// Without Nagle's algorithm a request that is written in two parts does not wait for an acknowledgement.
fn prepare(socket: &TcpStream) {
    let options = SockRef::from(socket);
    let keep_alive = TcpKeepalive::new().with_time(KEEP_ALIVE_EVERY).with_interval(KEEP_ALIVE_EVERY).with_retries(KEEP_ALIVE_QUESTIONS);
    let set = [options.set_tcp_nodelay(true), options.set_tcp_keepalive(&keep_alive), unacknowledged(&options)];
    for error in set.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a socket option cannot be set");
    }
}

/// Data that is not acknowledged makes TCP ask no questions: it sends it again, for a quarter of an hour.
#[cfg(target_os = "linux")]
fn unacknowledged(options: &SockRef<'_>) -> std::io::Result<()> {
    options.set_tcp_user_timeout(Some(UNACKNOWLEDGED_FOR))
}

#[cfg(not(target_os = "linux"))]
fn unacknowledged(_: &SockRef<'_>) -> std::io::Result<()> {
    Ok(())
}
