//! Tenants by their names. The id follows from the name, so there is one tenant of a name on
//! whatever database.

use ainfera_schema::TenantId;
use ainfera_store::{Owner, StoreReader, StoreWriter};
use uuid::Uuid;

use super::CommandError;
use crate::config::mistake::near_matches;

/// Owns the agents that are made without the name of a tenant.
pub const DEFAULT_TENANT_NAME: &str = "default";

pub fn tenant_id(name: &str) -> TenantId {
    if name == DEFAULT_TENANT_NAME {
        TenantId(Uuid::nil())
    } else {
        TenantId(Uuid::new_v5(&Uuid::nil(), name.as_bytes()))
    }
}

/// What to do where no tenant has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownTenant {
    Make,
    /// The name may be misspelt, and a new tenant has no caps.
    Refuse,
}

/// The tenant of a new key. It is named and made if it is new: the default one and the first of a
/// database always, others where that is wanted.
pub async fn tenant_of_new_key(
    store: &dyn StoreWriter,
    name: &str,
    unknown: UnknownTenant,
) -> Result<TenantId, CommandError> {
    let found = tenant_id(name);
    let may_be_made = unknown == UnknownTenant::Make
        || name == DEFAULT_TENANT_NAME
        || store.tenants(1).await?.is_empty();
    if !may_be_made && store.wallet(Owner::Tenant(found)).await?.is_none() {
        return Err(CommandError::UnknownTenant {
            name: name.to_owned(),
            near: near(store, name).await?,
        });
    }
    store.name_tenant(found, name).await?;
    Ok(found)
}

/// A tenant that must be there.
pub async fn known_tenant(store: &dyn StoreReader, name: &str) -> Result<TenantId, CommandError> {
    let found = tenant_id(name);
    match store.wallet(Owner::Tenant(found)).await? {
        Some(_) => Ok(found),
        None => Err(CommandError::NoSuchTenant {
            name: name.to_owned(),
            near: near(store, name).await?,
        }),
    }
}

/// The names that may have been meant, as the end of a message.
async fn near(store: &dyn StoreReader, name: &str) -> Result<String, CommandError> {
    /// So many are looked at.
    const LISTED: u32 = 10_000;
    let tenants = store.tenants(LISTED).await?;
    let nil = TenantId(Uuid::nil());
    let names = tenants.iter().filter_map(|tenant| match &tenant.name {
        // An older version made the default tenant without a name.
        None => (tenant.tenant_id == nil).then_some(DEFAULT_TENANT_NAME),
        name => name.as_deref(),
    });
    let near: Vec<String> =
        near_matches(name, names).into_iter().map(|known| format!("\"{known}\"")).collect();
    Ok(if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_tenant_and_the_default_is_the_one_that_was_always_there() {
        assert_eq!(tenant_id("default"), TenantId(Uuid::nil()));
        assert_eq!(tenant_id("acme"), tenant_id("acme"));
        assert_ne!(tenant_id("acme"), tenant_id("internal-acme"));
    }
}
