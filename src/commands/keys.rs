//! `ainfera keys create`: a new key, printed alone, so that scripts can take it as it is.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use ainfera_schema::policy::{RoutingHint, SpendPolicy};
use ainfera_schema::{AgentId, TenantId};
use ainfera_store::{NewAgent, Opening, Owner, StoreReader, StoreWriter};

use super::CommandError;
use super::database::{Missing, database_and_defaults, open_store};
use super::spending::{may_spend, may_spend_together};
use super::tenant::{UnknownTenant, tenant_of_new_key};
use crate::cli::KeysCreateArgs;
use crate::config::defaults::AgentDefaults;
use crate::keys::{ApiKeyText, mint};

pub fn create(args: &KeysCreateArgs) -> Result<ExitCode, CommandError> {
    let (url, defaults) = database_and_defaults(&args.database)?;
    // A database that is named may be made before the first `serve`; one in whatever folder this is
    // may not.
    let named = args.database.config.is_some() || args.database.database.is_some();
    let missing = if named { Missing::Make } else { Missing::Refuse };
    let (key, spending) = actix_rt::System::new().block_on(async {
        let store = open_store(&url, missing).await?;
        let unknown = if args.new_tenant { UnknownTenant::Make } else { UnknownTenant::Refuse };
        let tenant_id = tenant_of_new_key(&*store, &args.tenant.tenant, unknown).await?;
        let asked = spend_policy(args);
        // What an agent may do is set when it is made: a key that seemed to change it would be a
        // trap.
        let says_more = asked != SpendPolicy::default() || args.wallet.is_some();
        if says_more && store.find_agent(tenant_id, &args.agent).await?.is_some() {
            return Err(CommandError::AgentExists(args.agent.clone()));
        }
        let new =
            NewAgent { name: args.agent.clone(), tenant_id, spend_policy: defaults.of(asked) };
        let opening = args.wallet.map_or(Opening::OnAccount, Opening::Prepaid);
        let agent_id = store.create_agent(new, opening).await?;
        let key = add_new_key(&*store, agent_id).await?;
        Ok((key, spending(&*store, agent_id, tenant_id, args).await?))
    })?;
    // The key is alone on standard output; what is for people goes beside it.
    writeln!(stderr(), "{spending}").map_err(CommandError::Output)?;
    writeln!(stdout(), "{}", key.expose()).map_err(CommandError::Output)?;
    Ok(ExitCode::SUCCESS)
}

/// What the agent may spend, whether it was there or is new.
async fn spending(
    store: &dyn StoreReader,
    agent_id: AgentId,
    tenant_id: TenantId,
    args: &KeysCreateArgs,
) -> Result<String, CommandError> {
    let of_agent =
        store.wallet(Owner::Agent(agent_id)).await?.map(|view| may_spend(&args.agent, &view));
    let tenant = store.wallet(Owner::Tenant(tenant_id)).await?;
    let of_tenant = tenant.and_then(|view| may_spend_together(&args.tenant.tenant, &view));
    Ok(of_agent.into_iter().chain(of_tenant).collect::<Vec<_>>().join("\n"))
}

/// What applies to the calls of the agent where they say nothing themselves.
fn spend_policy(args: &KeysCreateArgs) -> SpendPolicy {
    let routing_defaults = RoutingHint {
        min_quality: args.min_quality,
        routing_preference: args.preference.map(Into::into),
        ..RoutingHint::default()
    };
    SpendPolicy {
        routing_defaults,
        priority_ceiling: args.priority_ceiling.map(Into::into).unwrap_or_default(),
        ..SpendPolicy::default()
    }
}

/// The tenant's agent of this name; made if it is new, on account within the default caps.
pub async fn find_or_create_agent(
    store: &dyn StoreWriter,
    tenant_id: TenantId,
    name: &str,
    defaults: AgentDefaults,
) -> Result<AgentId, CommandError> {
    let new = NewAgent {
        name: name.to_owned(),
        tenant_id,
        spend_policy: defaults.of(SpendPolicy::default()),
    };
    Ok(store.create_agent(new, Opening::OnAccount).await?)
}

/// A new key for an agent. The store keeps the hash of its secret only.
pub async fn add_new_key(
    store: &dyn StoreWriter,
    agent_id: AgentId,
) -> Result<ApiKeyText, CommandError> {
    let minted = mint()?;
    store.add_key(agent_id, &minted.key_id, minted.secret_sha256).await?;
    Ok(minted.text)
}
