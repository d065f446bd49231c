//! What becomes of one field of a request.

use ainfera_fidelity::caller;
use ainfera_fidelity::provider::Upstream;
use ainfera_wire::client::ClientDialect;
use ainfera_wire::error::BadRequest;
use bytes::Bytes;
use serde_json::Value;

use crate::edit::{Documented, Field, Silence, leads};

/// What the provider would get.
enum Sent {
    Request {
        body: Value,
        text: String,
        coercions: Vec<(String, String)>,
    },
    /// The call does not go to this provider.
    Refused(Refusal),
}

enum Refusal {
    Field(BadRequest),
    /// Only Anthropic can take it: no other provider is a candidate.
    NoCandidate,
}

/// `Err` says why it is lost.
pub fn of(
    dialect: ClientDialect,
    upstream: &Upstream,
    documented: &Documented,
    fields: &[&Field],
    field: &Field,
) -> Result<(), String> {
    let (body, text, coercions) = match sent(dialect, upstream, &documented.request(fields)) {
        Sent::Request { body, text, coercions } => (body, text, coercions),
        Sent::Refused(Refusal::NoCandidate) => return Ok(()),
        Sent::Refused(Refusal::Field(bad)) => {
            let named = fields
                .iter()
                .any(|field| leads(&field.path, &bad.field) || leads(&bad.field, &field.path));
            return if named { Ok(()) } else { Err(format!("is refused as `{bad}`")) };
        }
    };
    let arrived = field.mark.as_ref().map(|mark| text.contains(mark.as_str()));
    let named: Vec<&(String, String)> =
        coercions.iter().filter(|(name, _)| names(name, &field.path)).collect();
    let inside = coercions.iter().any(|(name, _)| leads(&field.path, name));
    if let Some((name, change)) = named.iter().find(|(_, change)| change.starts_with("dropped"))
        && arrived == Some(true)
    {
        return Err(format!("arrives although `{name}={change}`"));
    }
    if field.silence == Silence::MeetsIt || !named.is_empty() || inside || arrived == Some(true) {
        return Ok(());
    }
    let others: Vec<&Field> =
        fields.iter().copied().filter(|other| !std::ptr::eq(*other, field)).collect();
    match (arrived, sent(dialect, upstream, &documented.request(&others))) {
        (None, Sent::Request { body: without, .. }) if without != body => Ok(()),
        // what needs this field cannot be said without it
        (None, Sent::Refused(_)) => Ok(()),
        _ => {
            Err(format!("is lost: {} {coercions:?} {}", field.value, &text[..text.len().min(600)]))
        }
    }
}

/// Does a coercion's name mean the field at `path`? What happens to all of a kind is named once,
/// with a star.
fn names(name: &str, path: &str) -> bool {
    match name.split_once('*') {
        Some((before, after)) => {
            path.starts_with(before) && path.ends_with(after.rsplit('.').next().unwrap_or_default())
        }
        None => leads(name, path),
    }
}

fn sent(dialect: ClientDialect, upstream: &Upstream, request: &Value) -> Sent {
    let call = match caller::parse(dialect, Bytes::from(request.to_string())) {
        Ok(call) => call,
        Err(bad) => return Sent::Refused(Refusal::Field(bad)),
    };
    let native = upstream.dialect.is_native_to(dialect);
    if let Some(bad) = call.native_only.clone().filter(|_| !native) {
        return Sent::Refused(Refusal::Field(bad));
    }
    if call.anthropic_only.is_some()
        && upstream.dialect != ainfera_wire::provider::Dialect::Anthropic
    {
        return Sent::Refused(Refusal::NoCandidate);
    }
    match upstream.request(&call) {
        Err(bad) => Sent::Refused(Refusal::Field(bad)),
        Ok(request) => Sent::Request {
            body: serde_json::from_slice(&request.body).unwrap(),
            text: String::from_utf8(request.body.to_vec()).unwrap(),
            coercions: request
                .coercions
                .texts()
                .iter()
                .map(|text| {
                    text.split_once('=')
                        .map(|(name, change)| (name.to_owned(), change.to_owned()))
                        .unwrap()
                })
                .collect(),
        },
    }
}
