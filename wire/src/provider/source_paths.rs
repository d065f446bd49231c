//! What became of a call, under the caller's own names for its fields.

use ainfera_schema::{Provider, ProviderKind};

use crate::client::call::Call;
use crate::disclosure::coercion::{Change, Coercions, Reason};
use crate::error::bad_request::BadRequest;

/// What is told of a call that goes out in its Anthropic form, `changed` so.
pub(super) fn of_form(call: &Call, changed: Coercions) -> Coercions {
    let mut coercions = Coercions::default();
    if let Some(translation) = &call.translation {
        coercions = translation.lost.clone();
        for (callers, name) in translation.source_map.renamed() {
            coercions.add(callers, Change::Renamed(name.to_owned()));
        }
    }
    coercions.extend(&in_callers_paths(call, changed));
    coercions
}

/// What is told of a call that was written in another dialect than Anthropic's.
pub(super) fn of_written(call: &Call, written: Coercions) -> Coercions {
    let mut coercions =
        call.translation.as_ref().map(|translation| translation.lost.clone()).unwrap_or_default();
    coercions.extend(&in_callers_paths(call, written));
    name_lost_headers(call, &mut coercions);
    coercions
}

/// Headers of Anthropic's API say nothing to others.
pub(super) fn name_lost_headers(call: &Call, coercions: &mut Coercions) {
    let others = call.client_headers.others.iter().map(|(name, _)| name.as_str());
    for name in call.client_headers.beta.iter().map(|_| "anthropic-beta").chain(others) {
        coercions.add(name, Change::Dropped(Reason::NoEquivalent));
    }
}

/// Changes of the Anthropic form under the caller's own names.
fn in_callers_paths(call: &Call, coercions: Coercions) -> Coercions {
    match &call.translation {
        Some(translation) => coercions.to_source_paths(&translation.source_map),
        None => coercions,
    }
}

/// A mistake of the Anthropic form under the caller's name for the field.
pub(super) fn of_mistake(call: &Call, bad: BadRequest) -> BadRequest {
    match &call.translation {
        Some(translation) => translation.source_map.at_source_path(bad),
        None => bad,
    }
}

/// The key of a provider that takes it as a bearer token; Azure has a header of its own for it.
pub(super) fn bearer(provider: &Provider) -> Option<(&'static str, String)> {
    let key = provider.api_key.as_ref()?;
    if provider.kind == ProviderKind::Azure {
        return Some(("api-key", key.expose().to_owned()));
    }
    Some(("authorization", format!("Bearer {}", key.expose())))
}
