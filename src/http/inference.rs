//! What only we know of a flat answer: who gave it, and for how much.

use actix_web::web::Bytes;
use ainfera_actors::dispatch::{Head, HeadBody};
use ainfera_routing::Catalogue;
use serde_json::{Value, json};

/// The answer with `model_used`, `provider` and `cost_usd`.
pub fn completed(mut head: Head, catalogue: &Catalogue) -> Head {
    let first = || catalogue.find(&head.facts.model).map(|entry| entry.model.provider.to_string());
    let provider = head.facts.provider.clone().or_else(first);
    let facts = [
        ("model_used", json!(head.facts.model)),
        ("provider", json!(provider)),
        ("cost_usd", json!(head.facts.cost_usd)),
    ];
    if let HeadBody::Whole(body) | HeadBody::Replayed { body, .. } = &mut head.body
        && let Ok(Value::Object(mut answer)) = serde_json::from_slice(body)
    {
        answer.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        *body = Bytes::from(Value::Object(answer).to_string());
    }
    head
}
