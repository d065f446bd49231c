//! A provider's name has two addresses, and nothing that is sent to the first one is ever answered.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ainfera_mock::{MockSettings, MockUpstream};
use socket2::{Domain, Socket, Type};

use crate::support::gateway::{GatewayPlan, message_of, routed, streamed};
use crate::support::process::Site;

/// The system's resolver, told what it finds by a file; from Debian's package `libnss-wrapper`.
const RESOLVER: &str = "/usr/lib/x86_64-linux-gnu/libnss_wrapper.so";

/// A listener whose queue is full: the kernel drops whatever else wants to connect.
struct BlackHole {
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl BlackHole {
    fn at(address: SocketAddr) -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let mut waiting = Vec::new();
        while let Ok(connection) = TcpStream::connect_timeout(&address, Duration::from_millis(300))
        {
            waiting.push(connection);
            assert!(waiting.len() < 16, "the queue of {address} is never full");
        }
        Self { _listener: listener, _waiting: waiting }
    }
}

#[actix_rt::test]
async fn the_second_address_of_a_name_is_tried_when_the_first_is_silent() {
    assert!(std::path::Path::new(RESOLVER).exists(), "{RESOLVER}: `tools/install.sh` installs it");
    // this one is met without TLS: what is tried is how TCP finds its way
    let mock = MockUpstream::start(MockSettings::default()).await.unwrap();
    let port = mock.addr().port();
    let _black = BlackHole::at(SocketAddr::from(([127, 0, 0, 2], port)));
    let mut site = Site::around(
        &GatewayPlan::default(),
        None,
        mock,
        &format!("http://two-addresses.test:{port}"),
    );
    let hosts = site.folder.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.2 two-addresses.test\n127.0.0.1 two-addresses.test\n").unwrap();
    site.environment = vec![
        ("LD_PRELOAD".to_owned(), RESOLVER.to_owned()),
        ("NSS_WRAPPER_HOSTS".to_owned(), hosts.display().to_string()),
    ];
    let process = site.serve(&[]);
    for _ in 0..5 {
        message_of(&site.call(process.address, &streamed(routed("hello"))).await);
    }
    assert_eq!(
        site.mock.stats().requests,
        5,
        "each call reaches the provider once: {}",
        process.log()
    );
    assert_eq!(process.stop().await, Some(0));
}
