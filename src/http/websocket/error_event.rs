//! An error as an event of the connection: what the response of the same call over HTTP would say,
//! with its status and headers beside it.

use actix_web::HttpRequest;
use actix_web::body::MessageBody;
use actix_web::http::header::CONTENT_TYPE;
use ainfera_schema::RequestId;
use serde_json::{Map, Value, json};

use crate::http::calls::RefusedCall;

/// The field that stands for the connection itself.
pub(super) const CONNECTION: &str = "connection";

/// Codes of the published protocol, which clients act on, by the field that is wrong.
const CODES: [(&str, &str); 2] = [
    ("previous_response_id", "previous_response_not_found"),
    (CONNECTION, "websocket_connection_limit_reached"),
];

/// The event's JSON.
pub(super) fn error_event(
    refused: &RefusedCall,
    request: &HttpRequest,
    request_id: RequestId,
) -> String {
    let response = refused.response_to(request, request_id);
    let status = response.status().as_u16();
    let named = response.headers().iter().filter(|(name, _)| *name != CONTENT_TYPE);
    let headers: Map<String, Value> = named
        .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
        .collect();
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    let mut body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut told = body["error"].take();
    let code = CODES.iter().find(|(field, _)| told["param"] == *field);
    if let (Some((_, code)), true) = (code, told["code"].is_null()) {
        told["code"] = json!(code);
    }
    json!({"type": "error", "status": status, "error": told, "headers": headers}).to_string()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use ainfera_actors::gate::GateRefusal;
    use ainfera_wire::error::BadRequest;

    use super::*;
    use crate::http::error::ApiError;

    fn event(error: ApiError) -> Value {
        let request = TestRequest::get().uri("/v1/responses").to_http_request();
        serde_json::from_str(&error_event(&error.into(), &request, RequestId::mint())).unwrap()
    }

    #[test]
    fn an_event_says_what_the_response_would() {
        let told = event(ApiError::BadRequest(BadRequest::new("input.0.role", "is wrong")));
        assert_eq!((&told["type"], &told["status"]), (&json!("error"), &json!(400)));
        assert_eq!(told["error"]["param"], "input.0.role");
        assert!(told["error"]["code"].is_null());
        let full = event(ApiError::Gate(GateRefusal::Full));
        assert_eq!((&full["status"], &full["headers"]["retry-after"]), (&json!(529), &json!("1")));
    }

    #[test]
    fn what_clients_act_on_has_the_published_code() {
        let unknown = BadRequest::new("previous_response_id", "is not this connection's");
        let told = event(ApiError::BadRequest(unknown));
        assert_eq!(told["error"]["code"], "previous_response_not_found");
        let old = event(ApiError::BadRequest(BadRequest::new(CONNECTION, "is too old")));
        assert_eq!(old["error"]["code"], "websocket_connection_limit_reached");
    }
}
