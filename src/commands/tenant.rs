//! Tenants by their names. The id follows from the name, so there is one tenant of a name on whatever database.

use ainfera_schema::TenantId;
use uuid::Uuid;

/// Owns the agents of whoever names no tenant.
pub const DEFAULT_TENANT_NAME: &str = "default";

pub fn tenant_id(name: &str) -> TenantId {
    if name == DEFAULT_TENANT_NAME { TenantId(Uuid::nil()) } else { TenantId(Uuid::new_v5(&Uuid::nil(), name.as_bytes())) }
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
