//! The connections of one worker, apart for each provider.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ainfera_schema::{Network, Provider, ProviderId};

use super::trust::TlsSettings;
use crate::provider::client::ClientSlot;

/// See the module.
pub struct ProviderPools {
    tls: Arc<TlsSettings>,
    connect: Duration,
    pools: RefCell<HashMap<ProviderId, Kept>>,
}

/// A pool with what it was made for.
struct Kept {
    base_url: String,
    network: Network,
    pool: Rc<ClientSlot>,
}

impl ProviderPools {
    pub fn new(tls: Arc<TlsSettings>, connect: Duration) -> Self {
        Self { tls, connect, pools: RefCell::default() }
    }

    /// The provider's pool. One whose address or network settings have changed gets a new one; streams that run on the former one are not touched.
    pub fn of(&self, provider: &Provider) -> Result<Rc<ClientSlot>, rustls::Error> {
        let mut pools = self.pools.borrow_mut();
        if let Some(kept) = pools.get(&provider.id).filter(|kept| kept.base_url == provider.base_url && kept.network == provider.network) {
            return Ok(Rc::clone(&kept.pool));
        }
        let pool = Rc::new(ClientSlot::new(self.tls.of(&provider.network.trust)?, self.connect));
        let kept = Kept { base_url: provider.base_url.clone(), network: provider.network.clone(), pool: Rc::clone(&pool) };
        pools.insert(provider.id.clone(), kept);
        Ok(pool)
    }
}
