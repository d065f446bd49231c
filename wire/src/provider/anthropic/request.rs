//! A call as a request of Anthropic's dialect. A native one goes out as it came, but for what the
//! model refuses.

use ainfera_schema::{Model, Provider};
use bytes::Bytes;

use crate::client::call::Call;
use crate::disclosure::coercion::Coercions;
use crate::error::bad_request::BadRequest;
use crate::passthrough::messages;
use crate::provider::UpstreamRequest;
use crate::provider::address::address;
use crate::provider::anthropic::foreign_thinking::{remove_from_form, without_foreign_thinking};
use crate::provider::anthropic::form::form;
use crate::provider::anthropic::limits;
use crate::provider::source_paths::{of_form, of_mistake};

/// For one model of the provider.
pub fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let version = call.client_headers.version.clone().unwrap_or_else(|| "2023-06-01".to_owned());
    let mut headers = vec![("anthropic-version", version)];
    headers.extend(call.client_headers.beta.clone().map(|beta| ("anthropic-beta", beta)));
    let key = provider.api_key.as_ref();
    headers.extend(key.map(|key| ("x-api-key", key.expose().to_owned())));
    let mut changed = Coercions::default();
    let body = match &call.translation {
        Some(_) => translated(call, model, &mut changed).map_err(|bad| of_mistake(call, bad))?,
        None => native(&call.body, model, &mut changed)?,
    };
    Ok(UpstreamRequest {
        headers,
        client_headers: call.client_headers.others.clone(),
        coercions: of_form(call, changed),
        ..UpstreamRequest::streamed(address(provider, "/v1", "/messages"), None, body)
    })
}

fn translated(call: &Call, model: &Model, changed: &mut Coercions) -> Result<Bytes, BadRequest> {
    let mut form = form(&call.request, &model.upstream_name, changed)?;
    limits::fit(&mut form, model, changed);
    remove_from_form(&mut form, changed);
    // what a model's rules added stands before it
    if let Some(stream) = form.shift_remove("stream") {
        form.insert("stream".to_owned(), stream);
    }
    serde_json::to_vec(&form)
        .map(Bytes::from)
        .map_err(|error| BadRequest::new("body", error.to_string()))
}

fn native(body: &[u8], model: &Model, changed: &mut Coercions) -> Result<Bytes, BadRequest> {
    let within_limits = limits::native::within_limits(body, model, changed);
    let body = within_limits.as_deref().unwrap_or(body);
    let own_thinking = without_foreign_thinking(body, changed);
    messages::request_body(own_thinking.as_deref().unwrap_or(body), &model.upstream_name)
}
