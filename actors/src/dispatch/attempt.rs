//! An attempt, from the call in the provider's dialect and an actor that sends it, to its end in
//! the record.

use std::sync::Arc;
use std::time::Instant;

use actix::{AsyncContext, Context};
use ainfera_wire::error::FaultKind;
use ainfera_wire::provider::Dialect;

use super::admission::CallSetup;
use super::machine::attempt_end::AttemptEnd;
use super::machine::effect::EndedAttempt;
use super::machine::input::Input;
use super::open_call::OpenCall;
use super::{DispatchActor, turns};
use crate::provider::transport::failure::ConnectFailure;
use crate::provider::{AttemptHandle, ProviderActor, ProviderFailure, ProviderSetup};

impl DispatchActor {
    /// Asks the candidate whose turn it is. A failure is told where it could not be started.
    pub(super) fn start_attempt(
        &mut self,
        attempt: u32,
        output_tokens: u64,
        context: &mut Context<Self>,
    ) -> Option<Input> {
        let open = self.open.as_mut()?;
        let begun = begin(&self.setup, open, (attempt, output_tokens), context);
        match begun {
            Ok(handle) => {
                if let Some(held) = &mut open.attempt {
                    held.running = Some((attempt, handle));
                }
                None
            }
            Err(failure) => Some(Input::NotStarted { attempt, failure }),
        }
    }

    pub(super) fn note_sent_again(&mut self, ended: &EndedAttempt) {
        let request_id = self.setup.request_id.header_value();
        let Some(open) = &mut self.open else { return };
        tracing::info!(
            request_id,
            provider = %ended.attempt.provider,
            "a kept connection was closed by the provider; sent again over a new one"
        );
        let latency_ms = open.attempt.as_ref().map_or(0, |held| held.latency_ms());
        open.note_attempt(ended, latency_ms);
    }

    /// Reports to the provider's health, writes the record, and lets go of the attempt.
    pub(super) fn end_attempt(&mut self, ended: EndedAttempt) {
        let Some(open) = &mut self.open else { return };
        let Some(mut held) = open.attempt.take() else { return };
        match &ended.end {
            AttemptEnd::Succeeded => held.permit.succeeded(Instant::now()),
            AttemptEnd::Failed(failure) => {
                held.permit.failed(failure, Instant::now(), turns::chance(&self.setup));
                let attempt = held.running.as_ref().map(|(attempt, _)| *attempt);
                let what = if attempt.is_some() { "failed" } else { "could not start" };
                tracing::info!(
                    request_id = self.setup.request_id.header_value(),
                    attempt,
                    model = %ended.attempt.model,
                    provider = %ended.attempt.provider,
                    cause = failure.cause().as_str(),
                    %failure,
                    "attempt {what}"
                );
                if let Some(FaultKind::ModelLacks(lack)) = failure.kind() {
                    let request_id = self.setup.request_id.header_value();
                    let refusals = &self.setup.worker.counters.unforeseen_refusals;
                    refusals.note(&request_id, &ended.attempt.provider, &ended.attempt.model, lack);
                }
            }
            AttemptEnd::Cancelled | AttemptEnd::SentAgain => {}
        }
        open.note_attempt(&ended, held.latency_ms());
        if let (AttemptEnd::Succeeded, Some((_, handle))) = (&ended.end, held.running.take()) {
            handle.drain_connection();
        }
    }
}

fn begin(
    setup: &CallSetup,
    open: &mut OpenCall,
    (attempt, output_tokens): (u32, u64),
    context: &mut Context<DispatchActor>,
) -> Result<AttemptHandle, ProviderFailure> {
    let catalogue = Arc::clone(&open.choice.catalogue);
    let entry = open.attempt.as_ref().and_then(|held| catalogue.at(held.deployment));
    let entry = entry.ok_or(ProviderFailure::Crashed)?;
    let model = &entry.model;
    let Some(provider) = setup.worker.providers.get(&model.provider) else {
        return Err(ProviderFailure::Connect(ConnectFailure::Settings(
            "the provider is not configured".to_owned(),
        )));
    };
    let dialect = Dialect::for_call(provider.kind, &setup.call, model);
    let call = setup.call.shortened(output_tokens);
    let request =
        dialect.request(&call, provider, model).map_err(ProviderFailure::Untranslatable)?;
    if let Some(held) = &mut open.attempt {
        held.stream_mode = request.stream_mode;
    }
    let coercions = request.coercions.texts();
    open.note_candidate(entry, setup.inference_id, coercions, request.stream_mode);
    let patience = setup.worker.patience(&setup.call, provider, model);
    let id_seed = format!("{}{}", setup.request_id.0.simple(), attempt);
    let address = context.address();
    let pool = setup.worker.pools.of(provider).map_err(ProviderFailure::Connect)?;
    Ok(ProviderActor::start_attempt(ProviderSetup {
        attempt,
        provider: model.provider.clone(),
        counters: Arc::clone(&setup.worker.counters),
        pool,
        reader: dialect.reader(&setup.call, &request, model.slug.as_str(), id_seed),
        request,
        patience,
        emit: address.clone().recipient().downgrade(),
        failed: address.clone().recipient().downgrade(),
        sent_again: address.recipient().downgrade(),
    }))
}
