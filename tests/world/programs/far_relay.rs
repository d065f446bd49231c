//! Stands between the gateway and PostgreSQL: every byte takes its time, and round trips are
//! counted.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

pub struct FarRelay {
    port: u16,
    round_trips: Arc<AtomicUsize>,
}

impl FarRelay {
    /// Before a port of this machine; each way takes `one_way`. On a thread of its own, which lives
    /// as long as the test program.
    pub fn before(port: u16, one_way: Duration) -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let round_trips = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&round_trips);
        let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(accept(listener, server, one_way, &counted));
        });
        Self { port: own_port, round_trips }
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// How often a connection sent something after it had heard an answer, or for the first time.
    /// What is sent without waiting for the answer before it belongs to the same round trip.
    pub fn round_trips(&self) -> usize {
        self.round_trips.load(Ordering::SeqCst)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "they end with the connections, and those with the test"
)]
async fn accept(
    listener: std::net::TcpListener,
    server: SocketAddr,
    one_way: Duration,
    counted: &Arc<AtomicUsize>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((gateway, _)) = listener.accept().await {
        let Ok(database) = TcpStream::connect(server).await else { continue };
        for stream in [&gateway, &database] {
            stream.set_nodelay(true).unwrap();
        }
        let (from_gateway, to_gateway) = gateway.into_split();
        let (from_database, to_database) = database.into_split();
        let has_heard = Arc::new(AtomicBool::new(true));
        let (asks, hears) = (Arc::clone(&has_heard), has_heard);
        let counted = Arc::clone(counted);
        let on_request = move || {
            if asks.swap(false, Ordering::SeqCst) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        };
        let on_answer = move || hears.store(true, Ordering::SeqCst);
        let nothing = || ();
        tokio::spawn(pass(from_gateway, to_database, one_way, on_request, nothing));
        tokio::spawn(pass(from_database, to_gateway, one_way, nothing, on_answer));
    }
}

/// What came together leaves together, `one_way` later; several may be on the way at once.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    one_way: Duration,
    on_arrival: impl Fn(),
    on_departure: impl Fn(),
) {
    let (on_the_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            on_arrival();
            let due = Instant::now() + one_way;
            if on_the_way.send((due, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((due, bytes)) = arriving.recv().await {
            sleep_until(due).await;
            on_departure();
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(read, write);
}
