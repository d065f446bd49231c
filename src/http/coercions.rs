//! The whole list of what did not reach the provider as it was sent, in the body of an answer in
//! one piece: a head has no room for it.

use actix_web::web::Bytes;
use ainfera_actors::dispatch::HeadFacts;
use ainfera_wire::codec::{Edit, Members};
use serde_json::{Value, json};

const BLOCK: &str = "ainfera";

/// The answer with `ainfera.coercions`, every other member as it is. Where nothing was changed the
/// answer stays as it is.
pub fn named(body: Bytes, facts: &HeadFacts) -> Bytes {
    if facts.coercions.is_empty() {
        return body;
    }
    let Ok(members) = Members::parse(&body) else { return body };
    let there = members
        .0
        .iter()
        .find(|(name, _)| &**name == BLOCK)
        .map(|(_, value)| serde_json::from_str::<Value>(value.get()));
    let is_there = there.is_some();
    let mut block = match there {
        Some(Ok(block @ Value::Object(_))) => block,
        _ => json!({"receipt_id": facts.receipt_id, "inference_id": facts.inference_id}),
    };
    block["coercions"] = json!(facts.coercions);
    let block = block.to_string();
    if is_there {
        let edit =
            |name: &str| if name == BLOCK { Edit::Replace(block.clone()) } else { Edit::Keep };
        Bytes::from(members.write(edit, &[]))
    } else {
        Bytes::from(members.write(|_| Edit::Keep, &[(BLOCK, block)]))
    }
}

#[cfg(test)]
mod tests {
    use ainfera_schema::{StreamMode, Usd};

    use super::*;

    fn facts(coercions: &[&str]) -> HeadFacts {
        HeadFacts {
            model: "m".to_owned(),
            provider: None,
            inference_id: "i".to_owned(),
            receipt_id: "r".to_owned(),
            coercions: coercions.iter().map(|text| (*text).to_owned()).collect(),
            stream_mode: StreamMode::Native,
            cost_usd: Usd::ZERO,
        }
    }

    fn of(body: &'static str, coercions: &[&str]) -> String {
        String::from_utf8(named(Bytes::from_static(body.as_bytes()), &facts(coercions)).to_vec())
            .unwrap()
    }

    #[test]
    fn the_block_is_added_or_extended_and_nothing_else_changes() {
        assert_eq!(
            of(r#"{"id":"x","n":1.10}"#, &["a=dropped:unknown"]),
            r#"{"id":"x","n":1.10,"ainfera":{"receipt_id":"r","inference_id":"i","coercions":["a=dropped:unknown"]}}"#
        );
        assert_eq!(
            of(
                r#"{"ainfera":{"agent_id":"g"},"n":1.10}"#,
                &["a=dropped:unknown", "b=moved:system"]
            ),
            r#"{"ainfera":{"agent_id":"g","coercions":["a=dropped:unknown","b=moved:system"]},"n":1.10}"#
        );
        assert_eq!(of(r#"{"id":"x"}"#, &[]), r#"{"id":"x"}"#);
        assert_eq!(of("no json", &["a=dropped:unknown"]), "no json");
    }
}
