//! What the commands about wallets and agents share: whose it is, and the change.

use ainfera_store::{Owner, StoreReader, WalletChange, WalletView};

use super::CommandError;
use super::database::{Missing, database_url, open_store};
use super::tenant::known_tenant;
use crate::cli::{DatabaseArgs, OwnerArgs};

/// Makes the change, and returns what there is after it.
pub fn administer(
    database: &DatabaseArgs,
    owner: &OwnerArgs,
    change: WalletChange,
) -> Result<WalletView, CommandError> {
    let url = database_url(database)?;
    actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        let found = find(&*store, owner).await?;
        store
            .administer(found, change)
            .await?
            .ok_or_else(|| CommandError::NoSuchAgent(owner.name()))
    })
}

/// What there is.
pub fn look(database: &DatabaseArgs, owner: &OwnerArgs) -> Result<WalletView, CommandError> {
    let url = database_url(database)?;
    actix_rt::System::new().block_on(async {
        let store = open_store(&url, Missing::Refuse).await?;
        let found = find(&*store, owner).await?;
        store.wallet(found).await?.ok_or_else(|| CommandError::NoSuchAgent(owner.name()))
    })
}

async fn find(store: &dyn StoreReader, owner: &OwnerArgs) -> Result<Owner, CommandError> {
    let tenant = known_tenant(store, &owner.tenant.tenant).await?;
    match &owner.agent {
        Some(name) => {
            let agent_id = store.find_agent(tenant, name).await?;
            agent_id.map(Owner::Agent).ok_or_else(|| CommandError::NoSuchAgent(name.clone()))
        }
        None => Ok(Owner::Tenant(tenant)),
    }
}
