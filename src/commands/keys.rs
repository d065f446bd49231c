//! `ainfera keys create`: a new key, printed alone, so that scripts can take it as it is.

use std::io::{Write, stdout};
use std::process::ExitCode;

use ainfera_schema::policy::{RoutingHint, SpendPolicy};
use ainfera_schema::{AgentId, TenantId, Usd};
use ainfera_store::{NewAgent, Store};

use super::CommandError;
use super::database::{Missing, database_url, open_store};
use super::tenant::tenant_id;
use crate::cli::KeysCreateArgs;
use crate::keys::{ApiKeyText, mint};

/// What a new agent's wallet holds: play money, ten dollars.
pub const DEMONSTRATION_FUNDING: Usd = Usd::from_nanos(10_000_000_000);

pub fn create(args: &KeysCreateArgs) -> Result<ExitCode, CommandError> {
    let url = database_url(&args.database)?;
    // a database that is named may be made before the first `serve`; one in whatever folder this is may not
    let named = args.database.config.is_some() || args.database.database.is_some();
    let missing = if named { Missing::Make } else { Missing::Refuse };
    let key = actix_rt::System::new().block_on(async {
        let store = open_store(&url, missing).await?;
        let tenant = &args.tenant.tenant;
        store.name_tenant(tenant_id(tenant), tenant).await?;
        let policy = spend_policy(args);
        // what an agent may do is set when it is made: a key that seemed to change it would be a trap
        if policy != SpendPolicy::default() && store.find_agent(tenant_id(tenant), &args.agent).await?.is_some() {
            return Err(CommandError::AgentExists(args.agent.clone()));
        }
        let new = NewAgent { name: args.agent.clone(), tenant_id: tenant_id(tenant), spend_policy: policy };
        let agent_id = store.create_agent(new, DEMONSTRATION_FUNDING).await?;
        add_new_key(&*store, agent_id).await
    })?;
    writeln!(stdout(), "{}", key.expose()).map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// What applies to the calls of the agent where they say nothing themselves.
fn spend_policy(args: &KeysCreateArgs) -> SpendPolicy {
    let routing_defaults =
        RoutingHint { min_quality: args.min_quality, routing_preference: args.preference.map(Into::into), ..RoutingHint::default() };
    SpendPolicy { routing_defaults, priority_ceiling: args.priority_ceiling.map(Into::into).unwrap_or_default(), ..SpendPolicy::default() }
}

/// The tenant's agent of this name; made with a funded wallet if it is new.
pub async fn find_or_create_agent(store: &dyn Store, tenant_id: TenantId, name: &str) -> Result<AgentId, CommandError> {
    let new = NewAgent { name: name.to_owned(), tenant_id, spend_policy: SpendPolicy::default() };
    Ok(store.create_agent(new, DEMONSTRATION_FUNDING).await?)
}

/// A new key for an agent. The store keeps the hash of its secret only.
pub async fn add_new_key(store: &dyn Store, agent_id: AgentId) -> Result<ApiKeyText, CommandError> {
    let minted = mint()?;
    store.add_key(agent_id, &minted.key_id, minted.secret_sha256).await?;
    Ok(minted.text)
}
