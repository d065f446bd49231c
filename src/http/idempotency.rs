//! The `idempotency-key` header: the caller's own name for a call.

use actix_web::HttpRequest;
use ainfera_schema::audit::canonical_json;
use ainfera_store::IdempotencyClaim;
use ainfera_wire::error::BadRequest;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::error::ApiError;

const HEADER: &str = "idempotency-key";
const MAX_KEY_BYTES: usize = 255;

/// What the call claims, if it has a key.
pub fn claim(request: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyClaim>, ApiError> {
    let mut keys = request.headers().get_all(HEADER);
    let Some(key) = keys.next() else { return Ok(None) };
    let refuse = |message: &str| Err(ApiError::BadRequest(BadRequest::new(HEADER, message)));
    if keys.next().is_some() {
        return refuse("may be there once only");
    }
    claim_of(HEADER, key.as_bytes(), request.path(), body).map(Some)
}

/// What a call claims whose key stands in this field.
pub fn claim_of(
    field: &str,
    key: &[u8],
    path: &str,
    body: &[u8],
) -> Result<IdempotencyClaim, ApiError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || !key.iter().all(u8::is_ascii_graphic) {
        let message = "must be 1 to 255 visible ASCII characters";
        return Err(ApiError::BadRequest(BadRequest::new(field, message)));
    }
    Ok(IdempotencyClaim {
        key_sha256: Sha256::digest(key).into(),
        fingerprint: fingerprint(&endpoint(path), body),
    })
}

/// The path without what only says how the answer is delivered.
fn endpoint(path: &str) -> String {
    path.replace(":streamGenerateContent", ":generateContent")
}

/// The same for the same request, however its JSON is spaced and ordered, and whether it wants a
/// stream or not: that is only how it is delivered.
fn fingerprint(path: &str, body: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(path.as_bytes());
    hasher.update(b"\0");
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(mut members)) => {
            members.remove("stream");
            members.remove("stream_options");
            hasher.update(canonical_json(&Value::Object(members)).as_bytes());
        }
        // The body is nested deeper than the parser goes, so its bytes are hashed as they are.
        Ok(_) | Err(_) => hasher.update(body),
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn claimed(key: &str) -> Result<Option<IdempotencyClaim>, ApiError> {
        claim(
            &TestRequest::post().uri("/v1/messages").insert_header((HEADER, key)).to_http_request(),
            b"{}",
        )
    }

    #[test]
    fn a_key_is_visible_ascii_and_not_long() {
        assert!(claimed("a-1_b").unwrap().is_some());
        assert!(claimed(&"k".repeat(255)).unwrap().is_some());
        for bad in ["", "a b", "a\tb", &"k".repeat(256)] {
            let error = claimed(bad).unwrap_err().to_string();
            assert!(error.contains("idempotency-key"), "{error}");
        }
        assert_eq!(claim(&TestRequest::post().to_http_request(), b"{}").unwrap(), None);
        let twice = TestRequest::post()
            .append_header((HEADER, "a"))
            .append_header((HEADER, "a"))
            .to_http_request();
        assert!(claim(&twice, b"{}").is_err());
    }

    #[test]
    fn a_request_is_its_path_and_its_members() {
        let one = fingerprint("/v1/messages", br#"{"a":1,"b":[true],"stream":true}"#);
        assert_eq!(one, fingerprint("/v1/messages", b"{ \"b\" : [true],\n \"a\" : 1 }"));
        assert_ne!(one, fingerprint("/v1/messages", br#"{"a":2,"b":[true]}"#));
        assert_ne!(one, fingerprint("/v1/other", br#"{"a":1,"b":[true]}"#));
        assert_ne!(one, fingerprint("/v1/messages", br#"{"a":1,"b":[true],"c":{"stream":true}}"#));
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_ne!(fingerprint("/", deep(500).as_bytes()), fingerprint("/", deep(501).as_bytes()));
    }
}
