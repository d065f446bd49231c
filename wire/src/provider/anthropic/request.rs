//! A call as a request of Anthropic's dialect. A native one goes out as it came, but for what the
//! model refuses.

use std::borrow::Cow;

use ainfera_schema::{Model, Provider, ProviderKind};

use crate::client::call::Call;
use crate::disclosure::coercion::Coercions;
use crate::error::bad_request::BadRequest;
use crate::model_table::ModelAbilities;
use crate::passthrough::{messages, tool_names};
use crate::provider::UpstreamRequest;
use crate::provider::address::address;
use crate::provider::anthropic::foreign_thinking::without_foreign_thinking;
use crate::provider::anthropic::form::{Form, TOOL_NAMES, form};
use crate::provider::anthropic::limits;
use crate::provider::lossy::written;
use crate::provider::source_paths::{of_form, of_mistake};
use crate::tool_names::ToolNames;

/// For one model of the provider.
pub(crate) fn request(
    call: &Call,
    provider: &Provider,
    model: &Model,
) -> Result<UpstreamRequest, BadRequest> {
    let mut changed = Coercions::default();
    let abilities = ModelAbilities::of(provider.kind, model);
    let (body, tool_names) = match &call.translation {
        Some(_) => {
            let mut form = translated(call, &model.upstream_name, &abilities, &mut changed)?;
            let tool_names = std::mem::take(&mut form.tool_names);
            (written(&form)?, tool_names)
        }
        None => {
            let (body, tool_names) = native(call, &abilities, &mut changed);
            (messages::request_body(&body, &model.upstream_name)?, tool_names)
        }
    };
    Ok(UpstreamRequest {
        headers: headers(call, provider),
        client_headers: call.client_headers.others.clone(),
        coercions: of_form(call, changed),
        tool_names,
        ..UpstreamRequest::streamed(address(provider, "/v1", "/messages"), None, body)
    })
}

/// What a call loses on its way to one model of the provider.
pub(crate) fn losses(
    call: &Call,
    kind: ProviderKind,
    model: &Model,
) -> Result<Coercions, BadRequest> {
    let mut changed = Coercions::default();
    let abilities = ModelAbilities::of(kind, model);
    match &call.translation {
        Some(_) => drop(translated(call, &model.upstream_name, &abilities, &mut changed)?),
        None => drop(native(call, &abilities, &mut changed)),
    }
    Ok(of_form(call, changed))
}

fn translated<'c>(
    call: &'c Call,
    upstream_name: &str,
    abilities: &ModelAbilities<'_>,
    changed: &mut Coercions,
) -> Result<Form<'c>, BadRequest> {
    let form = form(&call.request, upstream_name, abilities, changed);
    let mut form = form.map_err(|bad| of_mistake(call, bad))?;
    limits::fit(&mut form, abilities, changed);
    Ok(form)
}

/// The headers that every request in this dialect has.
pub(super) fn headers(call: &Call, provider: &Provider) -> Vec<(&'static str, String)> {
    let version = call.client_headers.version.clone().unwrap_or_else(|| "2023-06-01".to_owned());
    let mut headers = vec![("anthropic-version", version)];
    headers.extend(call.client_headers.beta.clone().map(|beta| ("anthropic-beta", beta)));
    let key = provider.api_key.as_ref();
    headers.extend(key.map(|key| ("x-api-key", key.expose().to_owned())));
    headers
}

/// The caller's own body, within the limits of the model, without another model's thinking and
/// with tool names that the provider takes.
pub(super) fn native<'b>(
    call: &'b Call,
    abilities: &ModelAbilities<'_>,
    changed: &mut Coercions,
) -> (Cow<'b, [u8]>, ToolNames) {
    let body = &*call.body;
    let within_limits = limits::native::within_limits(body, abilities, changed);
    let mut body = within_limits.map_or(Cow::Borrowed(body), Cow::Owned);
    if let Some(own_thinking) = without_foreign_thinking(&body, changed) {
        body = Cow::Owned(own_thinking);
    }
    match tool_names::messages_body(&body, TOOL_NAMES, &call.request, changed) {
        Some((renamed, names)) => (Cow::Owned(renamed), names),
        None => (body, ToolNames::unchanged()),
    }
}
