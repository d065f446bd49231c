//! The HTTP surface: one table of paths. Statuses are known in [`error`] only.

pub mod answer;
pub mod audit;
pub mod auth;
pub mod body;
pub mod breakers;
pub mod call_headers;
pub mod calls;
pub mod checkup;
pub mod coercions;
pub mod count_tokens;
pub mod error;
pub mod gemini;
pub mod health;
pub mod idempotency;
pub mod inference;
pub mod killswitch;
pub mod leaving;
pub mod metrics;
pub mod models;
pub mod quarantine;
pub mod query;
pub mod reads;
pub mod reloads;
pub mod state;
pub mod turns;
mod unforeseen;
pub mod websocket;

use actix_web::web::{ServiceConfig, delete, get, head, post, resource, route};
use actix_web::{HttpRequest, HttpResponse};
use ainfera_schema::RequestId;

use error::ApiError;

/// Every path that is served.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(calling("/v1/messages", post().to(calls::messages)))
        .service(calling("/v1/chat/completions", post().to(calls::chat_completions)))
        .service(
            calling("/v1/responses", post().to(calls::responses))
                .route(get().to(websocket::connect)),
        )
        .service(
            kept_nowhere("/v1/responses/{response_id}")
                .route(get().to(nothing_kept))
                .route(delete().to(nothing_kept)),
        )
        .service(
            kept_nowhere("/v1/responses/{response_id}/input_items").route(get().to(nothing_kept)),
        )
        .service(kept_nowhere("/v1/responses/{response_id}/cancel").route(post().to(nothing_kept)))
        .service(calling("/v1/inference", post().to(calls::inference)))
        .service(calling("/v1/messages/count_tokens", post().to(count_tokens::answer)))
        .service(reading("/v1/models", get().to(models::list)))
        .service(reading("/v1/models/{slug}", get().to(models::one)).route(post().to(gemini::call)))
        .service(reading("/v1beta/models", get().to(gemini::list)))
        .service(
            reading("/v1beta/models/{slug:.*}", get().to(gemini::one))
                .route(post().to(gemini::call)),
        )
        .service(reading("/v1/inferences/{inference_id}", get().to(reads::inference)))
        .service(reading("/v1/inferences/{inference_id}/decision", get().to(reads::decision)))
        .service(reading("/v1/calls/{request_id}", get().to(reads::call)))
        .service(reading("/v1/audit/height", get().to(audit::height)))
        .service(reading("/v1/audit/public", get().to(audit::public)))
        .service(reading("/v1/audit/key", get().to(audit::key)))
        .service(reading("/.well-known/ainfera-public-key.json", get().to(audit::key)))
        .service(reading("/v1/receipts/{receipt_id}", get().to(audit::receipt)))
        .service(reading("/v1/audit/{agent_id}", get().to(reads::audit)))
        .service(reading("/v1/audit/{agent_id}/verify", get().to(reads::verify_audit)))
        .service(reading("/v1/ledger/{agent_id}", get().to(reads::ledger)))
        .service(reading("/v1/wallets/{agent_id}", get().to(reads::wallet)))
        .service(reading("/healthz", get().to(health::live)))
        .service(reading("/readyz", get().to(health::ready)))
        .service(reading("/metrics", get().to(metrics::metrics)))
        // Agents probe these before their first call.
        .service(resource("/").route(get().to(health::service)).route(head().to(health::service)))
        .service(
            resource("/api/hello")
                .route(get().to(health::service))
                .route(head().to(health::service)),
        )
        .default_service(route().to(not_found));
}

fn calling(path: &str, call: actix_web::Route) -> actix_web::Resource {
    resource(path).route(call).default_service(route().to(method_not_allowed))
}

fn reading(path: &str, read: actix_web::Route) -> actix_web::Resource {
    resource(path).route(read).default_service(route().to(method_not_allowed))
}

/// What OpenAI keeps of an answer is asked for here in vain: the other methods and names are no
/// paths at all.
fn kept_nowhere(path: &str) -> actix_web::Resource {
    resource(path).default_service(route().to(not_found))
}

async fn nothing_kept(request: HttpRequest) -> HttpResponse {
    ApiError::NothingKept.response_to(&request, RequestId::mint())
}

async fn not_found(request: HttpRequest) -> HttpResponse {
    ApiError::UnknownPath(request.path().to_owned()).response_to(&request, RequestId::mint())
}

async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    ApiError::MethodNotAllowed {
        method: request.method().to_string(),
        path: request.path().to_owned(),
    }
    .response_to(&request, RequestId::mint())
}
