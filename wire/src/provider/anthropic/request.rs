//! A call as a request of Anthropic's dialect. A native one goes out as it came, but for what the
//! model refuses.

use std::borrow::Cow;

use ainfera_schema::{Model, Provider, ProviderKind};

use crate::client::call::Call;
use crate::disclosure::coercion::Coercions;
use crate::error::bad_request::BadRequest;
use crate::model_table::ModelAbilities;
use crate::passthrough::messages;
use crate::provider::UpstreamRequest;
use crate::provider::address::address;
use crate::provider::anthropic::foreign_thinking::without_foreign_thinking;
use crate::provider::anthropic::form::{Form, form};
use crate::provider::anthropic::limits;
use crate::provider::lossy::written;
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
    let abilities = ModelAbilities::of(provider.kind, model);
    let body = match &call.translation {
        Some(_) => written(&translated(call, &model.upstream_name, &abilities, &mut changed)?)?,
        None => {
            let body = native(&call.body, &abilities, &mut changed);
            messages::request_body(&body, &model.upstream_name)?
        }
    };
    Ok(UpstreamRequest {
        headers,
        client_headers: call.client_headers.others.clone(),
        coercions: of_form(call, changed),
        ..UpstreamRequest::streamed(address(provider, "/v1", "/messages"), None, body)
    })
}

/// What a call loses on its way to one model of the provider.
pub fn losses(call: &Call, kind: ProviderKind, model: &Model) -> Result<Coercions, BadRequest> {
    let mut changed = Coercions::default();
    let abilities = ModelAbilities::of(kind, model);
    match &call.translation {
        Some(_) => drop(translated(call, &model.upstream_name, &abilities, &mut changed)?),
        None => drop(native(&call.body, &abilities, &mut changed)),
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

fn native<'b>(
    body: &'b [u8],
    abilities: &ModelAbilities<'_>,
    changed: &mut Coercions,
) -> Cow<'b, [u8]> {
    let within_limits = limits::native::within_limits(body, abilities, changed);
    let body = within_limits.map_or(Cow::Borrowed(body), Cow::Owned);
    match without_foreign_thinking(&body, changed) {
        Some(own_thinking) => Cow::Owned(own_thinking),
        None => body,
    }
}
