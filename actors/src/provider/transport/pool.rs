//! The kept connections of one worker to one provider.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use awc::{Client, ClientRequest};

use super::connector::{Connector, Way};
use super::target::Security;

/// Above the idle time of load balancers; a new TLS handshake costs more than an idle socket.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);
const LIFETIME: Duration = Duration::from_secs(600);
/// The connector has a deadline of its own, which says what it was that took so long.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// See the module.
pub struct Pool {
    way: Rc<Way>,
    keep_alive: Duration,
    client: RefCell<Client>,
}

impl Pool {
    pub fn new(way: Way, keep_alive: Duration) -> Self {
        let way = Rc::new(way);
        let client = client(Rc::clone(&way), keep_alive);
        Self { way, keep_alive, client: RefCell::new(client) }
    }

    pub fn post(&self, url: &str) -> ClientRequest {
        self.client.borrow().post(self.below_tls(url))
    }

    pub fn get(&self, url: &str) -> ClientRequest {
        self.client.borrow().get(self.below_tls(url))
    }

    /// From now on nobody gets a connection that was kept until now.
    pub fn renew(&self) {
        self.client.replace(client(Rc::clone(&self.way), self.keep_alive));
    }

    /// TLS is the connector's business: the client is to believe that it speaks plain HTTP.
    fn below_tls(&self, url: &str) -> String {
        match (self.way.target.security, url.strip_prefix("https://")) {
            (Security::Tls, Some(rest)) => format!("http://{rest}"),
            _ => url.to_owned(),
        }
    }
}

/// Every default that is wrong for streams is set right here and nowhere else.
#[expect(clippy::disallowed_methods, reason = "this is the one place that may build a client")]
fn client(way: Rc<Way>, keep_alive: Duration) -> Client {
    let connector = awc::Connector::new()
        .connector(Connector(way))
        // the default of 100 connections is for all hosts together, and the 101st stream waits in
        // line
        .limit(0)
        .timeout(NEVER)
        .conn_keep_alive(keep_alive)
        .conn_lifetime(LIFETIME);
    Client::builder()
        .connector(connector)
        // the client's own timeout covers the head only; ours have names
        .disable_timeout()
        // a redirect would carry the key and the prompt to another origin
        .disable_redirects()
        .finish()
}
