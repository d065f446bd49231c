//! The beginning of an attempt: the call in the provider's dialect, and an actor that sends it.

use actix::{AsyncContext, Context};
use ainfera_wire::upstream::Dialect;

use super::admission::CallSetup;
use super::meter::Running;
use super::{DispatchActor, Open};
use crate::provider::{Attempting, ProviderActor, ProviderFailure, ProviderSetup};

/// Starts an attempt with the candidate that `running` names.
pub(super) fn start_attempt(
    setup: &CallSetup,
    running: &mut Running,
    open: &mut Open,
    context: &mut Context<DispatchActor>,
) -> Result<Attempting, ProviderFailure> {
    let model = &running.entry.model;
    let Some(provider) = setup.worker.providers.get(&model.provider) else {
        return Err(ProviderFailure::Connect("provider is not configured".to_owned()));
    };
    let dialect = Dialect::of(provider.kind);
    let request = dialect.request(&setup.call, provider, model).map_err(ProviderFailure::Untranslatable)?;
    running.stream_mode = request.stream_mode;
    open.note_candidate(running, setup.inference_id, request.coercions.texts());
    let patience = setup.worker.patience(&setup.call, provider, model);
    let id_seed = format!("{}{}", setup.request_id.0.simple(), running.attempt);
    let address = context.address();
    let clients = setup.worker.pools.of(provider).map_err(|error| ProviderFailure::Connect(error.to_string()))?;
    Ok(ProviderActor::start_attempt(ProviderSetup {
        attempt: running.attempt,
        clients,
        reader: dialect.reader(&setup.call, &request, model.slug.as_str(), id_seed),
        request,
        patience,
        emit: address.clone().recipient().downgrade(),
        failed: address.recipient().downgrade(),
    }))
}
