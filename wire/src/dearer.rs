//! Members that make a call cost more than the catalogue says. Nobody here knows by how much, and an unknown price is a refusal.
//!
//! Sources: Anthropic's `speed` and `inference_geo`, OpenAI's `service_tier`, each with a price list of its own.

use crate::bad_request::BadRequest;
use crate::json::{Members, Text};

/// A member, and the values that cost what the catalogue says.
const PRICED: [(&str, &[&str]); 3] =
    [("speed", &["standard"]), ("inference_geo", &["global"]), ("service_tier", &["auto", "default", "standard", "standard_only", "flex"])];

/// Refuses a body whose price is not known. What is not a string is for the provider to judge.
pub fn check(body: &[u8]) -> Result<(), BadRequest> {
    let members = Members::parse(body).map_err(|error| BadRequest::new("body", error.to_string()))?;
    for (name, value) in &members.0 {
        let Some((name, plain)) = PRICED.iter().find(|(priced, _)| *priced == &**name) else { continue };
        let Ok(said) = serde_json::from_str::<Text<'_>>(value.get()) else { continue };
        if !plain.contains(&&*said) {
            return Err(BadRequest::new(
                *name,
                format!("`{}` has a price of its own, which is not known here; {} has not", &*said, plain.join(", ")),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p063_what_costs_more_than_is_known_is_refused() {
        for body in [r#"{"speed":"fast"}"#, r#"{"service_tier":"priority"}"#, r#"{"inference_geo":"us"}"#] {
            assert!(check(body.as_bytes()).unwrap_err().to_string().contains("price"), "{body}");
        }
        for body in [r#"{"speed":"standard","service_tier":"auto"}"#, r#"{"inference_geo":null}"#, r#"{"messages":[{"speed":"fast"}]}"#] {
            assert_eq!(check(body.as_bytes()), Ok(()), "{body}");
        }
    }
}
