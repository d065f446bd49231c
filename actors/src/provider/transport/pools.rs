//! The connections of one worker, apart for each provider.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{Network, Provider, ProviderId, ProxySecurity, Trust};

use super::connector::{ProxyWay, Way};
use super::failure::ConnectFailure;
use super::pool::{KEEP_ALIVE, Pool};
use super::target::{Security, Target};
use super::trust::TlsSettings;

/// See the module.
pub struct ProviderPools {
    tls: RefCell<Arc<TlsSettings>>,
    connect: Duration,
    pools: RefCell<HashMap<ProviderId, Kept>>,
}

/// A pool with what it was made for.
struct Kept {
    base_url: String,
    network: Network,
    pool: Rc<Pool>,
}

impl Kept {
    fn rests_on_the_platform(&self) -> bool {
        let own = self.network.trust == Trust::Platform && self.base_url.starts_with("https://");
        own || self.network.proxy.as_ref().is_some_and(|proxy| proxy.security == ProxySecurity::Tls)
    }
}

impl ProviderPools {
    pub fn new(tls: Arc<TlsSettings>, connect: Duration) -> Self {
        Self { tls: RefCell::new(tls), connect, pools: RefCell::default() }
    }

    /// After a reload: the platform's certificates were read again, so connections that rest on
    /// them are made anew. Streams that run are not touched.
    pub fn trust(&self, tls: Arc<TlsSettings>) {
        self.tls.replace(tls);
        self.pools.borrow_mut().retain(|_, kept| !kept.rests_on_the_platform());
    }

    /// The provider's pool. One whose address or network settings have changed gets a new one;
    /// streams that run on the former one are not touched.
    pub fn of(&self, provider: &Provider) -> Result<Rc<Pool>, ConnectFailure> {
        let mut pools = self.pools.borrow_mut();
        if let Some(kept) = pools
            .get(&provider.id)
            .filter(|kept| kept.base_url == provider.base_url && kept.network == provider.network)
        {
            return Ok(Rc::clone(&kept.pool));
        }
        let pool = Rc::new(self.made(&provider.base_url, &provider.network)?);
        let kept = Kept {
            base_url: provider.base_url.clone(),
            network: provider.network.clone(),
            pool: Rc::clone(&pool),
        };
        pools.insert(provider.id.clone(), kept);
        Ok(pool)
    }

    fn made(&self, base_url: &str, network: &Network) -> Result<Pool, ConnectFailure> {
        let settings = |why: String| ConnectFailure::Settings(why);
        let target =
            Target::of(base_url).ok_or_else(|| settings(format!("{base_url} is no address")))?;
        let tls = |trust: &Trust| {
            self.tls.borrow().of(trust).map_err(|error| settings(format!("TLS: {error}")))
        };
        let proxy_tls = match network.proxy.as_ref().map(|proxy| proxy.security) {
            Some(ProxySecurity::Tls) => Some(tls(&Trust::Platform)?),
            Some(ProxySecurity::Plain) | None => None,
        };
        let proxy = network.proxy.clone().map(|proxy| ProxyWay { proxy, tls: proxy_tls });
        let tls = match target.security {
            Security::Tls => Some(tls(&network.trust)?),
            Security::Plain => None,
        };
        let way = Way { target, tls, proxy, limit: self.connect };
        Ok(Pool::new(way, network.keep_alive.unwrap_or(KEEP_ALIVE)))
    }
}
