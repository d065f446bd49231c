//! The beginning of an attempt: the call in the provider's dialect, and an actor that sends it.

use actix::{AsyncContext, Context};
use ainfera_wire::provider::Dialect;

use super::admission::CallSetup;
use super::attempt_end::AttemptEnd;
use super::meter::Running;
use super::{DispatchActor, Open};
use crate::provider::transport::failure::ConnectFailure;
use crate::provider::{Attempting, ProviderActor, ProviderFailure, ProviderSetup};

impl Open {
    /// What went out over the closed connection is in the record too. It is not charged: the
    /// provider never read it.
    pub(super) fn note_sent_again(&mut self, attempt: u32, setup: &CallSetup) {
        let Some((running, attempting)) =
            self.running.take().filter(|(running, _)| running.attempt == attempt)
        else {
            return;
        };
        tracing::info!(
            request_id = setup.request_id.header_value(), attempt, provider = %running.entry.model.provider,
            "a kept connection was closed by the provider; sent again over a new one"
        );
        self.note_attempt(&running, AttemptEnd::SentAgain);
        self.running = Some((running, attempting));
    }
}

/// Starts an attempt with the candidate that `running` names.
pub(super) fn start_attempt(
    setup: &CallSetup,
    running: &mut Running,
    open: &mut Open,
    context: &mut Context<DispatchActor>,
) -> Result<Attempting, ProviderFailure> {
    let model = &running.entry.model;
    let Some(provider) = setup.worker.providers.get(&model.provider) else {
        return Err(ProviderFailure::Connect(ConnectFailure::Settings(
            "the provider is not configured".to_owned(),
        )));
    };
    let dialect = Dialect::for_call(provider.kind, &setup.call, model);
    let call = setup.call.shortened(running.bounds().output_tokens);
    let request =
        dialect.request(&call, provider, model).map_err(ProviderFailure::Untranslatable)?;
    running.stream_mode = request.stream_mode;
    open.note_candidate(running, setup.inference_id, request.coercions.texts());
    let patience = setup.worker.patience(&setup.call, provider, model);
    let id_seed = format!("{}{}", setup.request_id.0.simple(), running.attempt);
    let address = context.address();
    let pool = setup.worker.pools.of(provider).map_err(ProviderFailure::Connect)?;
    Ok(ProviderActor::start_attempt(ProviderSetup {
        attempt: running.attempt,
        pool,
        reader: dialect.reader(&setup.call, &request, model.slug.as_str(), id_seed),
        request,
        patience,
        emit: address.clone().recipient().downgrade(),
        failed: address.clone().recipient().downgrade(),
        sent_again: address.recipient().downgrade(),
    }))
}
